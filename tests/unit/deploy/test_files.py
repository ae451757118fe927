"""The files with which Postern is run elsewhere, and the pages that tell of them."""

from __future__ import annotations

import configparser
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from modal import FilePatternMatcher

from deploy import image, modal_app, modal_cli, secret
from tests.unit.deploy.control_plane import ROOT

DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
PAGE = (ROOT / "docs" / "modal.md").read_text()


@pytest.mark.parametrize("package", image.PACKAGES)
def test_every_package_is_copied_into_the_container(package: str) -> None:
    assert f"COPY {package} {package}\n" in DOCKERFILE


def test_the_file_with_the_tokens_goes_into_no_image_package_or_commit() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert FilePatternMatcher(*image.NOT_CODE)(Path("deploy/.env"))
    assert "**/.env" in (ROOT / ".dockerignore").read_text().splitlines()
    assert ".env" in project["tool"]["hatch"]["build"]["exclude"]
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()


def test_the_container_runs_without_rights_and_tells_its_health() -> None:
    last_user = re.findall(r"^USER (\w+)$", DOCKERFILE, re.M)[-1]

    assert last_user == "postern"
    assert DOCKERFILE.index("USER postern") < DOCKERFILE.index("ENTRYPOINT")
    assert "/health" in DOCKERFILE[DOCKERFILE.index("HEALTHCHECK") :]


def test_compose_opens_the_port_to_this_machine_alone() -> None:
    found: Any = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    service = found["services"]["postern"]

    assert service["ports"] == ["127.0.0.1:8080:8080"]
    assert service["volumes"] == ["data:/data"]
    assert set(found["volumes"]) == {"data", "postgres"}
    assert (ROOT / "deploy" / service["build"]["context"] / service["build"]["dockerfile"]).exists()


def test_compose_brings_a_postgres_that_nobody_else_reaches() -> None:
    found: Any = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    postern, postgres = found["services"]["postern"], found["services"]["postgres"]

    assert postern["environment"]["DATABASE_URL"].startswith("postgresql://postern:${POSTGRES_PASS")
    assert postern["environment"]["DATABASE_URL"].endswith("@postgres:5432/postern")
    assert postern["depends_on"]["postgres"] == {"condition": "service_healthy"}
    assert "pg_isready" in postgres["healthcheck"]["test"][1]
    assert "ports" not in postgres


def test_systemd_starts_it_again_and_lets_turns_end() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.read(ROOT / "deploy" / "postern.service")

    assert unit["Service"]["Restart"] == "always"
    assert unit["Service"]["ExecStart"].endswith("postern up")
    assert int(unit["Service"]["TimeoutStopSec"]) > 10


def test_the_page_names_every_part_key_and_volume() -> None:
    wanted = [
        "ingress", "Worker", "tick", "discord_listener",
        *secret.REQUIRED_KEYS, "postern-data", "postern-artifacts", "postern-cache",
        modal_app.DATA, modal_app.ARTIFACTS, modal_app.CACHE, "--strategy recreate",
    ]  # fmt: skip

    assert [each for each in wanted if each not in PAGE] == []


def test_the_page_names_the_entry_points_that_there_are() -> None:
    named = set(re.findall(r"modal_cli\.py::(\w+)", PAGE))
    source = (ROOT / "deploy" / "modal_cli.py").read_text()
    there = set(re.findall(r"@app\.local_entrypoint\(\)\ndef (\w+)", source))

    assert named == there == {"wake", "status", "logs", "init_roster"}


def test_the_app_asks_for_the_keys_that_the_settings_need() -> None:
    assert tuple(modal_app.SECRET_KEYS) == secret.REQUIRED_KEYS
    assert secret.SECRET == modal_app.NAME == modal_cli.NAME
