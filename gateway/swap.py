"""Puts files in the place of others, so that what a crash cut short is carried on, never undone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from gateway.errors import SettingsWrong

_JOURNAL = "swap.json"

Move = tuple[Path, Path]
"""From, and to where nothing is by then; both on one file system."""


def begin(folder: Path, moves: Sequence[Move]) -> None:
    """Write all moves down in `folder`, then carry them out in order.

    The caller holds the folder as a data directory. Everything that is moved is on
    the disk already. Raises SettingsWrong when a move fails: the others stay written
    down, and whoever holds the folder next carries on.
    """
    _write(folder / _JOURNAL, [(str(old.absolute()), str(new.absolute())) for old, new in moves])
    finish(folder)


def is_begun(folder: Path) -> bool:
    """Whether moves are written down that were not all carried out."""
    return (folder / _JOURNAL).exists()


def finish(folder: Path) -> None:
    """Carry out what is left of the moves that were begun. Raises SettingsWrong.

    A move whose file is gone, or whose place is taken, was made before the crash.
    """
    journal = folder / _JOURNAL
    if not journal.exists():
        return
    try:
        moves = [(Path(old), Path(new)) for old, new in json.loads(journal.read_text())]
        for old, new in moves:
            if os.path.lexists(old) and not os.path.lexists(new):
                old.rename(new)
        _sync_all(path.parent for move in moves for path in move)
        journal.unlink()
        _sync_all([folder])
    except (OSError, ValueError) as error:
        raise SettingsWrong(
            f'A restore in "{folder}" was cut short, and can not go on: {error}. Correct that and '
            f'start again, or move by hand what "{journal}" lists, and delete that file.'
        ) from error


def _write(journal: Path, moves: list[tuple[str, str]]) -> None:
    partial = journal.with_name(f".{journal.name}.partial")
    with partial.open("w") as file:
        json.dump(moves, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(journal)
    _sync_all([journal.parent])


def _sync_all(folders: Iterable[Path]) -> None:
    for folder in set(folders):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
