"""What containers are made of on Modal: every package in its exact version, and our code."""

from __future__ import annotations

import tomllib
from pathlib import Path

import modal

PACKAGES = (
    "gateway", "adapters", "scheduler", "storage", "agents", "toolbox", "compute", "deploy",
)  # fmt: skip
NOT_CODE = ["**/*.pyc", "**/__pycache__", "**/.env"]
"""All else goes along: migrations, the web page, prompts. In `.env` are tokens."""


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


def make_image(environ: dict[str, str]) -> modal.Image:
    """Return the image of every container, with these variables set in it."""
    image = (
        modal.Image.debian_slim(python_version="3.11")
        .run_commands(f"printf '%s\\n' {_all_pins()} > /etc/postern-pins.txt")
        .uv_pip_install(*_pinned(), extra_options="--constraint /etc/postern-pins.txt")
        .env(environ)
    )
    return image.add_local_python_source(*PACKAGES, ignore=NOT_CODE)
