"""A machine's zone data as a test wants it: one zone with other rules, all others as they are."""

from __future__ import annotations

import struct
import zoneinfo
from pathlib import Path

from scheduler.zones import load_zone

_ONE_TYPE = struct.pack(">4sc15x6I", b"TZif", b"2", 0, 0, 0, 0, 1, 4)
"""A header (RFC 9636, section 3.1) of no transitions and one kind of local time."""
_LOCAL_TIME = struct.pack(">iBB4s", 0, 0, 0, b"LMT\0")


class ZoneData:
    """Stands before the machine's own data until it is `removed`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._own = zoneinfo.TZPATH
        self._versions = 0

    def rule(self, zone: str, posix: str) -> None:
        """Let a new version of the data say what the zone's clock does, as POSIX `TZ` has it."""
        self._versions += 1
        file = self._folder / zone
        file.parent.mkdir(parents=True, exist_ok=True)
        block = _ONE_TYPE + _LOCAL_TIME
        file.write_bytes(block + block + f"\n{posix}\n".encode())
        (self._folder / "tzdata.zi").write_text(f"# version {self._versions}\n", "utf-8")
        _look_in((str(self._folder), *self._own))

    def removed(self) -> None:
        """Leave the machine's own data alone again."""
        _look_in(self._own)


def _look_in(folders: tuple[str, ...]) -> None:
    """Read zones anew from these folders, as a process does that was started again."""
    zoneinfo.reset_tzpath(folders)
    zoneinfo.ZoneInfo.clear_cache()
    load_zone.cache_clear()
