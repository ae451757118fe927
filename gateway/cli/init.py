"""`postern init`: a settings file to start from."""

from __future__ import annotations

import os
from pathlib import Path

from gateway.cli.terminal import say
from gateway.errors import BadInput


def init() -> None:
    """Write a settings file to start from. Everything is explained in it; replaces nothing."""
    from gateway.settings.explained import first_file
    from gateway.settings.sources import FILE_NAME, FILE_VARIABLE

    path = Path(os.environ.get(FILE_VARIABLE, "").strip() or FILE_NAME)
    _write_anew(path, first_file())
    say(f"{path} is written; every line in it is optional.")
    say("Start with `postern up`, look with `postern doctor`.")


def _write_anew(path: Path, text: str) -> None:
    """Write a file for this user alone, because tokens will stand in it."""
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise BadInput(f'"{path}" exists already and is left as it is.') from None
    except OSError as error:
        raise BadInput(f'"{path}" can not be written: {error.strerror}.') from error
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
