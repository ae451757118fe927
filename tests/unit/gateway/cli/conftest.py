"""Commands in a place of their own: an empty directory, a clean environment, logging put back."""

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.settings.sources import names
from tests.unit.gateway.cli.terminal import Terminal


@pytest.fixture(autouse=True)
def _clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    usual = {name.usual for name in names() if name.usual}
    for variable in [name for name in os.environ if name.startswith("POSTERN_") or name in usual]:
        monkeypatch.delenv(variable)


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers, hook = root.level, list(root.handlers), sys.excepthook
    yield
    sys.excepthook = hook
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.fixture
def postern() -> Terminal:
    return Terminal()
