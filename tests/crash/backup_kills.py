"""Kills backups and restores at every step that changes the disk's names, one after the other.

Run as a program: `backup_kills.py FOLDER restore|backup`. FOLDER holds a data directory `home` and
`b.tar`, a backup of an older state of it.
The try that is killed after n steps leaves the folder `n`.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path

from gateway.bootstrap import Kept, kept
from gateway.cli.backup_writing import write_backup
from gateway.cli.restoring import restore_backup
from gateway.settings import load_settings

_STEPS = frozenset({"os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "os.utime"})
"""Events of the interpreter that tell of a change before it is made."""


def main() -> None:
    """Go on until a try gets to its end; print how many were killed before."""
    folder = Path(sys.argv[1])
    work = {"restore": _restore, "backup": _backup}[sys.argv[2]]
    for number in count():
        here = folder / str(number)
        shutil.copytree(folder / "home", here / "home")
        settings = load_settings({"POSTERN_DATA_DIR": str(here / "home")})
        if not _killed(number, partial(work, kept(settings), here)):
            sys.stdout.write(f"{number}\n")
            return


def _restore(kept: Kept, here: Path) -> None:
    restore_backup(kept, here.parent / "b.tar", is_forced=True)


def _backup(kept: Kept, here: Path) -> None:
    write_backup(kept, here / "made.tar", datetime.now(UTC))


def _killed(steps: int, work: Callable[[], None]) -> bool:
    """Do it in a process that dies when it has made so many steps; whether it died."""
    child = os.fork()
    if child == 0:
        _die_after(steps)
        work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status) == signal.SIGKILL
    assert os.WEXITSTATUS(status) == 0, "the work failed"
    return False


def _die_after(steps: int) -> None:
    left = steps

    def notice(event: str, _: object) -> None:
        nonlocal left
        if event in _STEPS:
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(notice)


if __name__ == "__main__":
    main()
