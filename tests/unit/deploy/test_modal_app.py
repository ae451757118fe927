"""What `modal deploy` registers, as a control plane is told it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import secret
from tests.fakes.patience import PATIENCE_SECONDS
from tests.unit.deploy.control_plane import ROOT, Deployment, deployed, run_modal

PACKAGES = ("gateway", "adapters", "scheduler", "storage", "agents", "toolbox", "compute", "deploy")

IMPORT_IN_THE_DARK = """
import socket
def refuse(*arguments, **named):
    raise SystemExit("it went to the network")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
import deploy.modal_app
print(deploy.modal_app.app.name)
"""

IMAGE_HOME = "/root"
"""Where Modal puts an app's code in the image."""


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return asyncio.run(deployed(tmp_path_factory.mktemp("home")))


def test_it_is_imported_without_credentials_and_network(tmp_path: Path) -> None:
    imported = subprocess.run(
        [sys.executable, "-c", IMPORT_IN_THE_DARK],
        cwd=ROOT,
        env={"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )

    assert (imported.stdout, imported.returncode) == ("postern\n", 0), imported.stderr


def test_a_deployment_is_published(deployment: Deployment) -> None:
    (published,) = deployment.heard["AppPublish"]

    assert set(published.function_ids) == {"ingress", "Worker.*", "tick", "discord_listener"}, (
        deployment.output
    )
    assert set(published.class_ids) == {"Worker"}


def test_one_clock_ticks_for_everything(deployment: Deployment) -> None:
    crons = {
        name: each.schedule.cron.cron_string
        for name, each in deployment.functions.items()
        if each.HasField("schedule")
    }

    assert crons == {"tick": "* * * * *"}
    assert deployment.functions["tick"].timeout_secs < 60
    assert deployment.functions["tick"].autoscaler_settings.max_containers == 1


def test_the_store_and_the_listener_have_one_container_at_most(deployment: Deployment) -> None:
    worker = deployment.functions["Worker.*"]
    listener = deployment.functions["discord_listener"]

    assert worker.autoscaler_settings.max_containers == 1
    assert worker.autoscaler_settings.min_containers == 1
    assert listener.autoscaler_settings.max_containers == 1
    assert listener.timeout_secs == 24 * 60 * 60


def test_what_opens_nothing_at_its_start_is_kept_as_a_memory_snapshot(
    deployment: Deployment,
) -> None:
    kept = {name for name, each in deployment.functions.items() if each.checkpointing_enabled}

    assert kept == {"ingress"}


def test_the_ingress_is_warm_and_takes_many_at_once(deployment: Deployment) -> None:
    ingress = deployment.functions["ingress"]

    assert ingress.autoscaler_settings.min_containers == 1
    assert ingress.autoscaler_settings.max_containers == 0
    assert ingress.max_concurrent_inputs == 100
    assert not ingress.volume_mounts


def test_the_chat_has_time_for_a_long_websocket(deployment: Deployment) -> None:
    worker = deployment.functions["Worker.*"]

    assert worker.method_definitions["web"].HasField("webhook_config")
    assert worker.timeout_secs >= 3600
    assert worker.max_concurrent_inputs >= 1000


def test_nothing_is_retried_behind_our_back(deployment: Deployment) -> None:
    assert not [name for name, each in deployment.functions.items() if each.retry_policy.retries]


def test_every_part_has_the_secret_with_its_required_keys(deployment: Deployment) -> None:
    (asked,) = deployment.heard["SecretGetOrCreate"]

    assert asked.deployment_name == secret.SECRET
    assert tuple(asked.required_keys) == secret.REQUIRED_KEYS
    assert all(len(each.secret_ids) == 1 for each in deployment.functions.values())


def test_volumes_are_where_the_pages_say(deployment: Deployment) -> None:
    names = {each.deployment_name for each in deployment.heard["VolumeGetOrCreate"]}
    worker = deployment.functions["Worker.*"].volume_mounts
    listener = deployment.functions["discord_listener"].volume_mounts

    assert names == {"postern-data", "postern-artifacts", "postern-cache"}
    assert [each.mount_path for each in worker] == ["/data", "/artifacts", "/cache"]
    assert [(each.mount_path, each.read_only) for each in listener] == [
        ("/data", True),
        ("/artifacts", False),
    ]


async def test_with_a_postgres_there_are_as_many_workers_as_were_asked_for(tmp_path: Path) -> None:
    given = {"POSTERN_MODAL_WORKER_MIN": "0", "POSTERN_MODAL_WORKER_MAX": "4"}

    told = await run_modal(tmp_path, "deploy", "deploy/modal_app.py", environ=given)

    worker = told.functions["Worker.*"].autoscaler_settings
    assert (worker.min_containers, worker.max_containers) == (0, 4)
    assert "ENV POSTERN_MODAL_WORKER_MAX=4" in "\n".join(told.image_commands)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_of_a_package_reaches_the_containers(
    deployment: Deployment, package: str
) -> None:
    ours = {
        f"{IMAGE_HOME}/{path.relative_to(ROOT)}"
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc" and "__pycache__" not in path.parts
    }

    assert ours
    assert ours - deployment.files == set()


def test_the_app_itself_is_where_containers_look_for_it(deployment: Deployment) -> None:
    assert {each.module_name for each in deployment.functions.values()} == {"modal_app"}
    assert f"{IMAGE_HOME}/modal_app.py" in deployment.files


def test_the_image_has_every_package_in_its_exact_version(deployment: Deployment) -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    recipe = "\n".join(deployment.image_commands)
    installed = next(line for line in deployment.image_commands if "uv pip install" in line)

    assert all(pin in recipe for pin in project["tool"]["uv"]["constraint-dependencies"])
    assert installed.count("==") == len(project["project"]["dependencies"])
    assert "--constraint" in installed
