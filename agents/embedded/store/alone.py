"""Holding the agents' file against other processes, which would run the same turns once more."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from gateway.errors import SettingsWrong

TAKE_ANOTHER = (
    "take another file: data_dir says where a gateway has it, --data where "
    "`postern letta serve` has it."
)


@contextmanager
def owned_alone(path: Path) -> Generator[None]:
    """Hold the file until the caller leaves; the system lets go when the process dies.

    The lock is on a file beside it, which names the process that has it; where `path` is a
    link, beside what it leads to. Raises SettingsWrong when another process has the file.
    """
    real = Path(os.path.realpath(path))
    lock = _opened(path, real.with_name(f"{real.name}.lock"))
    try:
        _take(path, lock)
        yield
        os.ftruncate(lock, 0)
    finally:
        os.close(lock)


def _opened(path: Path, lock: Path) -> int:
    try:
        return os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise SettingsWrong(
            f'The agents\' database "{path}" can not be used, because "{lock}" can not be '
            f"written: {error.strerror}. Put that right, or {TAKE_ANOTHER}"
        ) from error


def _take(path: Path, lock: int) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(lock, 20, 0).decode(errors="replace").strip()
        who = f"process {holder}" if holder.isdecimal() else "another process"
        raise SettingsWrong(
            f'The agents\' database "{path}" is in use by {who}. Stop that one, or {TAKE_ANOTHER}'
        ) from error
    text = f"{os.getpid()}\n".encode()
    os.pwrite(lock, text, 0)
    os.ftruncate(lock, len(text))
