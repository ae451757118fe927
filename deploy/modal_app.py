"""The deployment on Modal: `modal deploy --strategy recreate deploy/modal_app.py`.

Only what runs where, with what, and how often: what the parts do is in roles.py and ingress.py.
Importing it needs no account and no network. It is deployed and never run: `modal run` would
start a second worker, which takes the Volume over. What one asks of it is in modal_cli.py.
"""

# Modal types its decorators and remote calls in part only; what they carry is typed in roles.py.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportCallIssue=false

from __future__ import annotations

import asyncio
import logging
import os
import time
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import modal

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.handed import Handed
    from deploy.roles import Worker as WorkerRole
    from gateway.domain.conversations import Conversation
    from gateway.domain.messages import InboundMessage
    from gateway.ports import Accept, Adapter

NAME = "postern"
SECRET_KEYS = ["POSTERN_HTTP__ADMIN_TOKEN", "LETTA_API_KEY"]
PACKAGES = (
    "gateway", "adapters", "scheduler", "storage", "agents", "toolbox", "compute", "deploy",
)  # fmt: skip
NOT_CODE = ["**/*.pyc", "**/__pycache__"]
"""All else goes along: migrations, the web page, prompts."""

INGRESS_MIN_CONTAINERS = int(os.environ.get("POSTERN_MODAL_INGRESS_MIN", "1"))
"""Read when deploying. 0 costs nothing at rest, and loses interactions to cold starts."""
WORKER_TIMEOUT_SECONDS = 3600
"""Bounds a WebSocket of the web chat; the page connects again by itself."""
DAY_SECONDS = 24 * 60 * 60
ROTATION_SECONDS = 23.5 * 60 * 60
"""The listener ends by itself before Modal ends it."""

DATA, ARTIFACTS, CACHE = "/data", "/artifacts", "/cache"
LIVE = "/var/lib/postern"
"""On the container's own disk: a live database on a Volume gets damaged."""


def _pinned() -> list[str]:
    """Return the exact version of every package; in a container there is nothing to install."""
    project = Path(__file__).resolve().parent.parent / "pyproject.toml"
    if not modal.is_local() or not project.exists():
        return []
    found = tomllib.loads(project.read_text(encoding="utf-8"))
    wanted: list[str] = found["project"]["dependencies"]
    pins: list[str] = found["tool"]["uv"]["constraint-dependencies"]
    exact = {pin.partition("==")[0]: pin for pin in pins}
    return [exact[_plain(each)] for each in wanted]


def _all_pins() -> str:
    """Return the text of a constraints file: what our packages bring along is pinned too."""
    project = Path(__file__).resolve().parent.parent / "pyproject.toml"
    if not modal.is_local() or not project.exists():
        return ""
    pins = tomllib.loads(project.read_text(encoding="utf-8"))["tool"]["uv"]
    return " ".join(pins["constraint-dependencies"])


def _plain(requirement: str) -> str:
    name = requirement.partition(";")[0]
    for sign in "[<>=!~ ":
        name = name.partition(sign)[0]
    return name.lower().replace("_", "-").replace(".", "-")


def _image() -> modal.Image:
    image = (
        modal.Image.debian_slim(python_version="3.11")
        .run_commands(f"printf '%s\\n' {_all_pins()} > /etc/postern-pins.txt")
        .uv_pip_install(*_pinned(), extra_options="--constraint /etc/postern-pins.txt")
        .env({"POSTERN_DATA_DIR": LIVE, "POSTERN_CONFIG": f"{DATA}/config/postern.toml"})
    )
    return image.add_local_python_source(*PACKAGES, ignore=NOT_CODE)


app = modal.App(NAME, image=_image())
secret = modal.Secret.from_name(NAME, required_keys=SECRET_KEYS)
data = modal.Volume.from_name("postern-data", create_if_missing=True)
artifacts = modal.Volume.from_name("postern-artifacts", create_if_missing=True)
cache = modal.Volume.from_name("postern-cache", create_if_missing=True)
VOLUMES: dict[Any, Any] = {DATA: data, ARTIFACTS: artifacts, CACHE: cache}  # as Modal types it


@app.function(
    secrets=[secret],
    min_containers=INGRESS_MIN_CONTAINERS,
    timeout=60,
    cpu=0.25,
    memory=256,
)
@modal.concurrent(max_inputs=100)
@modal.asgi_app()
def ingress() -> Any:  # an ASGI app
    """Verify what platforms send, hand it to the worker's queue, and acknowledge."""
    from deploy.ingress import Keys, make_ingress

    async def hand_over(handed: Handed) -> None:
        await Worker().handle.spawn.aio(handed)

    keys = Keys(
        slack_signing_secret=os.environ.get("SLACK_SIGNING_SECRET"),
        discord_public_key=os.environ.get("DISCORD_PUBLIC_KEY"),
    )
    return make_ingress(keys, hand_over, lambda: datetime.now(UTC))


@app.cls(
    secrets=[secret],
    volumes=VOLUMES,
    min_containers=1,
    max_containers=1,
    timeout=WORKER_TIMEOUT_SECONDS,
    startup_timeout=600,  # a large database takes its time to be restored
    cpu=0.5,
    memory=1024,
)
@modal.concurrent(max_inputs=1000)
class Worker:
    """The one container with the store: the gateway, its outbox, and the web chat."""

    @modal.enter()
    async def begin(self) -> None:
        """Restore the database and serve; a mistake in the settings ends the container."""
        self._stop = asyncio.Event()
        ready = asyncio.Event()
        opened: asyncio.Future[WorkerRole] = asyncio.get_running_loop().create_future()
        # Kept until `end` awaits it: Modal's hooks are the only parent it can have.
        self._serving = asyncio.create_task(_serve(self._stop, ready, opened))
        first = [self._serving, asyncio.create_task(ready.wait())]
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        first[1].cancel()
        if self._serving.done():
            await self._serving
        self._role = opened.result()

    @modal.exit()
    async def end(self) -> None:
        """Finish what runs and publish the last snapshot."""
        self._stop.set()
        await self._serving

    @modal.asgi_app()
    def web(self) -> Any:  # an ASGI app
        """The web chat with its WebSocket, `/ready`, `/metrics` and the platforms' doors."""
        return self._role.app

    @modal.method()
    async def handle(self, handed: Handed) -> int:
        """Bring a verified request to its door."""
        return await self._role.handle(handed)

    @modal.method()
    async def accept(self, message: InboundMessage, fence: int) -> None:
        """Store what the listener heard."""
        await self._role.accept(message, fence)

    @modal.method()
    async def newest_events(self, platform: str) -> list[tuple[Conversation, str]]:
        """Tell a listener where to look for what it has missed."""
        return await self._role.newest_events(platform)

    @modal.method()
    async def renew_lease(self, holder: str) -> int | None:
        """Give or keep the listener's place."""
        return await self._role.renew_lease(holder)

    @modal.method()
    async def sweep(self) -> dict[str, object]:
        """Do what each minute brings."""
        return await self._role.sweep()

    @modal.method()
    async def report(self) -> dict[str, object]:
        """Tell how every part is."""
        return await self._role.status()


@app.function(
    secrets=[secret],
    schedule=modal.Cron("* * * * *"),
    max_containers=1,
    timeout=50,
    scaledown_window=2,  # else it would be warm, and paid for, all the time
    cpu=0.125,
    memory=256,
)
async def tick() -> dict[str, object]:
    """Once a minute: sweep, and start the Discord listener where nobody listens."""
    found: dict[str, object] = await Worker().sweep.remote.aio()
    if found["needs_listener"]:
        await discord_listener.spawn.aio()
    return found


@app.function(
    secrets=[secret],
    volumes={DATA: data.with_mount_options(read_only=True)},
    max_containers=1,
    timeout=DAY_SECONDS,
    cpu=0.25,
    memory=512,
)
async def discord_listener() -> None:
    """Hold Discord's gateway connection for a day at most; all that it hears goes to the worker."""
    from deploy.listener import new_listener
    from deploy.roles import listen
    from deploy.secret import deployed_settings

    settings = deployed_settings(os.environ)
    worker = Worker()
    holder = f"{os.environ.get('MODAL_TASK_ID', 'local')}-{time.time_ns()}"

    async def renew() -> int | None:
        return await worker.renew_lease.remote.aio(holder)

    async def newest() -> list[tuple[Conversation, str]]:
        return await worker.newest_events.remote.aio("discord")

    def make(fence: int) -> tuple[Adapter, Accept]:
        async def accept(message: InboundMessage) -> None:
            await worker.accept.remote.aio(message, fence)

        return new_listener(settings, newest), accept

    await listen(make, renew, ROTATION_SECONDS)


async def _serve(
    stop: asyncio.Event, ready: asyncio.Event, opened: asyncio.Future[WorkerRole]
) -> None:
    """Run the worker; one that was replaced ends its container on the spot."""
    from deploy.roles import opened_worker
    from deploy.secret import deployed_settings, worker_environ
    from gateway.errors import Fenced
    from gateway.telemetry import set_up_logging
    from storage.sqlite.snapshots import SnapshotFolder

    settings = deployed_settings(worker_environ(os.environ))
    set_up_logging(secrets=settings.secrets(), level=logging.INFO)
    place = SnapshotFolder(
        _snapshot_folder(),
        commit=lambda: _told_as_os_error(data.commit),
        reload=lambda: _told_as_os_error(data.reload),
    )
    try:
        async with opened_worker(settings, place) as role:
            opened.set_result(role)
            await role.serve(stop, ready.set)
    except* Fenced:
        logging.getLogger(__name__).critical("worker_replaced")
        os._exit(1)


def _told_as_os_error(call: Callable[[], object]) -> None:
    """Call the Volume; a failure of Modal's is one of the disk's to those who know no Modal."""
    try:
        call()
    except (modal.exception.Error, RuntimeError) as error:
        raise OSError(f"the Volume failed: {error}") from error


def _snapshot_folder() -> Path:
    """Return the folder on the Volume; what is missing without the mount is not made."""
    folder = Path(DATA, "snapshots")
    if Path(DATA).is_dir():
        folder.mkdir(exist_ok=True)
    return folder
