"""A file that others see only when it is whole, and that replaces nothing."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator
from pathlib import Path

from gateway.errors import BadInput


@contextlib.contextmanager
def new_file(target: Path) -> Generator[Path]:
    """Yield an empty file for this user alone, which becomes `target` at a good end.

    What a kill leaves is hidden beside it, and gone with the next try. Raises
    BadInput when something is there already, or it can not be written.
    """
    partial = target.with_name(f".{target.name}.partial")
    _claim(target, partial)
    try:
        yield partial
        _sync(partial)
        _publish(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def _claim(target: Path, partial: Path) -> None:
    if target.exists():
        raise BadInput(_exists(target))
    try:
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise BadInput(f'"{target}" can not be written: {error.strerror}.') from error


def _publish(partial: Path, target: Path) -> None:
    """Give the file its name, in one step that never replaces another."""
    try:
        os.link(partial, target)
    except FileExistsError:
        raise BadInput(_exists(target)) from None
    except OSError:  # some file systems have no hard links; nobody else writes backups there
        partial.rename(target)
    _sync(target.parent)


def _exists(target: Path) -> str:
    return f'"{target}" exists already; name another file, a backup replaces nothing.'


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
