"""What is kept beside a file: its media type, its version, and the digest that saves a reading."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import cast


@dataclass(frozen=True, slots=True)
class Record:
    """The facts of one version of a file. The file itself is the truth: a record may be behind."""

    version: int
    etag: str
    size_bytes: int
    media_type: str
    saved_at: float
    """Seconds since 1970."""
    modified_ns: int = 0
    """The file's time when this was written: with it unchanged, the file is not read again."""

    def is_of(self, found: os.stat_result) -> bool:
        """Whether the file is surely the one that this was written for."""
        return (found.st_size, found.st_mtime_ns) == (self.size_bytes, self.modified_ns)

    def to_json(self) -> bytes:
        """Return it as it is kept."""
        return json.dumps(asdict(self)).encode()


def parse_record(data: bytes | None) -> Record | None:
    """Return the record; None when there is none that can be read."""
    if data is None:
        return None
    try:
        facts = cast("dict[str, object]", json.loads(data))  # we wrote it
        return Record(**facts)  # pyright: ignore[reportArgumentType] - as above
    except (ValueError, TypeError):
        return None
