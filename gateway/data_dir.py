"""The data directory: private, and held by one running gateway at a time."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from gateway.errors import SettingsWrong
from gateway.swap import finish, is_begun

LOCK_NAME = "lock"

_PRIVATE = 0o700
_OURS = (LOCK_NAME, "postern.db")
_TRIES = 10
_BETWEEN_TRIES_SECONDS = 0.02
"""Somebody who only looks holds the lock for a moment: that is no reason to give up."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that has the directory."""

    pid: int
    url: str | None
    """Where its HTTP server answers; None while it starts, or when it serves none."""


class DataDir:
    """A directory that this process holds until it is let go, or the process ends."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    def announce(self, url: str | None) -> None:
        """Tell other processes where this one answers."""
        text = json.dumps({"pid": os.getpid(), "url": url}).encode() + b"\n"
        os.pwrite(self._lock, text, 0)
        os.ftruncate(self._lock, len(text))


@contextlib.contextmanager
def held(path: Path) -> Generator[DataDir]:
    """Make the directory when needed, and hold it; the system lets go when the process dies.

    A restore that was cut short is carried on before anything else.
    Raises SettingsWrong with what to do: another gateway has it, it can not be
    written, or it is a place that is not Postern's own.
    """
    _make(path)
    lock = _opened(path / LOCK_NAME)
    try:
        if not _is_taken(lock):
            raise SettingsWrong(_in_use(path, _read(lock)))
        data_dir = DataDir(path, lock)
        data_dir.announce(None)
        finish(path)
        yield data_dir
        os.ftruncate(lock, 0)
    finally:
        os.close(lock)


def holder(path: Path) -> Holder | None:
    """Return who holds the directory now; None when nobody does."""
    try:
        lock = os.open(path / LOCK_NAME, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(lock)
    else:
        return None
    finally:
        os.close(lock)


def prepare(path: Path) -> None:
    """Make the directory, for this user alone; raises SettingsWrong when it can not be used.

    What a restore that was cut short left to do is done first, so that nobody begins
    anew where a database is on its way.
    """
    _make(path)
    if is_begun(path):
        with held(path):
            pass


def _make(path: Path) -> None:
    try:
        path.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        found = path.stat()
    except FileExistsError:
        raise SettingsWrong(
            f'data_dir is "{path}", which is a file and not a folder; name another place, or move '
            "the file away."
        ) from None
    except (OSError, ValueError) as error:
        raise SettingsWrong(_not_usable(path, error)) from error
    if stat.S_IMODE(found.st_mode) & 0o077 and found.st_uid == os.getuid():
        _make_private(path)
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise SettingsWrong(_not_usable(path, PermissionError(13, "Permission denied")))


def _make_private(path: Path) -> None:
    """Close a folder that is Postern's, or empty; another one is not ours to change."""
    names = {each.name for each in path.iterdir()} - {"lost+found"}
    if names and not names.intersection(_OURS):
        raise SettingsWrong(
            f'data_dir is "{path}", which holds other files and is open to other users; name a '
            f'folder of its own, such as "{path / "postern"}", or close it with `chmod 700`.'
        )
    try:
        path.chmod(_PRIVATE)
    except OSError as error:
        raise SettingsWrong(_not_usable(path, error)) from error


def _opened(lock: Path) -> int:
    try:
        return os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise SettingsWrong(_not_usable(lock.parent, error)) from error


def _is_taken(lock: int) -> bool:
    """Take the lock; False when somebody else keeps it."""
    for _ in range(_TRIES):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_BETWEEN_TRIES_SECONDS)
        else:
            return True
    return False


def _read(lock: int) -> Holder:
    """Read who holds it; one that has not told yet has pid 0."""
    text = os.pread(lock, 4096, 0).decode(errors="replace")
    try:
        told, _ = json.JSONDecoder().raw_decode(text)
        facts = cast("dict[str, object]", told)  # we wrote it
        pid, url = facts["pid"], facts["url"]
    except (ValueError, KeyError, TypeError):
        return Holder(0, None)
    return Holder(pid if isinstance(pid, int) else 0, url if isinstance(url, str) else None)


def _in_use(path: Path, other: Holder) -> str:
    who = f"process {other.pid}" if other.pid else "another process"
    where = f", which answers at {other.url}" if other.url else ""
    return (
        f'A gateway runs in "{path}" already: {who}{where}. Stop it first, or set data_dir '
        "(POSTERN_DATA_DIR) to another folder."
    )


def _not_usable(path: Path, error: OSError | ValueError) -> str:
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return (
        f'data_dir is "{path}", which can not be used: {reason}. Set data_dir (POSTERN_DATA_DIR) '
        "to a folder that this user may write."
    )
