"""Commands in a place of their own: an empty directory, a clean environment, logging put back."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.gateway.cli.terminal import Terminal, sit_down


@pytest.fixture(autouse=True)
def _clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sit_down(tmp_path, monkeypatch)


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
