"""Somebody who types commands and reads what comes back."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli.app import app
from gateway.settings.sources import names


@dataclass(frozen=True, slots=True)
class Seen:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # JSON has no type
        return json.loads(self.out)


class Terminal:
    """Types commands, in this process."""

    def types(self, *words: str, **variables: str) -> Seen:
        return self.answers("", *words, **variables)

    def answers(self, lines: str, *words: str, **variables: str) -> Seen:
        """Type a command, and these lines when it asks."""
        result = CliRunner().invoke(app, list(words), input=lines, env=variables)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Seen(result.exit_code, result.stdout, result.stderr)


def sit_down(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go to the folder, with no setting in the environment."""
    monkeypatch.chdir(folder)
    usual = {name.usual for name in names() if name.usual}
    for variable in [name for name in os.environ if name.startswith("POSTERN_") or name in usual]:
        monkeypatch.delenv(variable)
