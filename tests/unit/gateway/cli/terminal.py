"""Somebody who types commands and reads what comes back."""

import json
from dataclasses import dataclass
from typing import Any

from typer.testing import CliRunner

from gateway.cli.app import app


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
        result = CliRunner().invoke(app, list(words), env=variables)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Seen(result.exit_code, result.stdout, result.stderr)
