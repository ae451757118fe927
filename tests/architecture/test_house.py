"""Where things live, and that a newcomer finds them there."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("gateway", "adapters", "scheduler", "storage", "agents", "toolbox", "compute", "deploy")
PLATFORMS = sorted(
    folder.name
    for folder in (ROOT / "adapters").iterdir()
    if (folder / "__init__.py").exists() and folder.name != "api"  # programs do not converse
)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_platform_has_the_same_three_files(platform: str) -> None:
    names = {path.name for path in (ROOT / "adapters" / platform).glob("*.py")}

    assert {"adapter.py", "inbound.py", "outbound.py"} <= names


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_of_the_same_name_has_not_taken_our_place(package: str) -> None:
    origin = importlib.import_module(package).__file__

    assert origin is not None
    assert Path(origin).parent == ROOT / package


def test_every_package_reaches_the_wheel() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    shipped = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]

    assert sorted(shipped) == sorted(PACKAGES)


def test_every_dependency_is_pinned_exactly() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    pins = project["tool"]["uv"]["constraint-dependencies"]
    pinned = {_plain(pin.partition("==")[0]) for pin in pins}
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]

    assert all("==" in pin for pin in pins)
    assert {_plain(re.split(r"[\[>=;, ]", each)[0]) for each in wanted} <= pinned


def test_decisions_are_numbered_without_gaps() -> None:
    names = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("*.md"))

    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))


def test_the_imports_keep_to_the_rule() -> None:
    checked = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
