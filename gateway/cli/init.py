"""`postern init`: a settings file to start from."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.terminal import say
from gateway.errors import BadInput

_EXISTS = '"{path}" exists already and is left as it is.'


def init(
    asks: Annotated[
        bool | None,
        typer.Option("--ask/--no-ask", help="Ask what to set; as usual at a terminal."),
    ] = None,
) -> None:
    """Write a settings file to start from. Everything is explained in it; replaces nothing."""
    from gateway.settings.explained import first_file
    from gateway.settings.sources import FILE_NAME, FILE_VARIABLE

    path = Path(os.environ.get(FILE_VARIABLE, "").strip() or FILE_NAME)
    if path.exists():
        raise BadInput(_EXISTS.format(path=path))
    values: dict[str, object] = {}
    if sys.stdin.isatty() if asks is None else asks:
        from gateway.cli.first_steps import ask_all

        values = ask_all()
    _write_anew(path, first_file(values))
    say(f"{path} is written; every line in it is optional.")
    for sentence in _next_steps(values):
        say(sentence)


def _next_steps(values: dict[str, object]) -> list[str]:
    """Say what to do with the file now. Pure."""
    steps = ["Start with `postern up`, look with `postern doctor`."]
    if "discord.token" in values:
        steps.append("`postern manifest discord` has the link that invites the bot.")
    if "discord.token" in values or "slack.bot_token" in values:
        steps.append("Strangers there get a code, and `postern pairing approve CODE` lets them in.")
    return steps


def _write_anew(path: Path, text: str) -> None:
    """Write a file for this user alone, because tokens will stand in it."""
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise BadInput(_EXISTS.format(path=path)) from None
    except OSError as error:
        raise BadInput(f'"{path}" can not be written: {error.strerror}.') from error
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
