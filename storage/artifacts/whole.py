"""All files of a folder of artifacts, for backups: contents, older versions and notes alike."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import BinaryIO

from storage.artifacts.folders import Folder, opened

NOTES = ".postern"
"""In each owner's folder: what is noted of its files, and their older versions."""
LOCK = ".lock"
"""In the notes; whoever writes into the owner's folder holds it."""


def owned_files(root: Path) -> Iterator[tuple[tuple[str, ...], BinaryIO]]:
    """Go through all files by owner, each open for reading until the next one is asked for.

    What is read of one owner is of one moment: its writers wait meanwhile.
    """
    if not root.exists():
        return
    with opened(root) as top:
        for owner in sorted(name for name in top.names() if not name.startswith(".")):
            with top.below((owner,)) as folder:
                if folder is not None:
                    yield from _files(folder, owner)


def is_content(parts: tuple[str, ...]) -> bool:
    """Whether it is a file that somebody saved, not a note of ours or an older version."""
    return not any(part.startswith(".") for part in parts)


def _files(folder: Folder, owner: str) -> Iterator[tuple[tuple[str, ...], BinaryIO]]:
    with _no_writers(folder):
        for parts, _ in folder.files():
            if _is_passing(parts[-1]):
                continue
            with folder.below(parts[:-1]) as place:
                file = place.reader(parts[-1]) if place is not None else None
            if file is not None:
                with file:
                    yield (owner, *parts), file


@contextlib.contextmanager
def _no_writers(folder: Folder) -> Generator[None]:
    with folder.below((NOTES,)) as notes:
        if notes is None:
            yield
            return
        with notes.locked(LOCK):
            yield


def _is_passing(name: str) -> bool:
    """Whether it is a lock, or what a killed writer left."""
    return name == LOCK or (name.startswith(".") and name.endswith(".partial"))
