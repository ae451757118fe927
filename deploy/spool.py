"""Requests that were acknowledged while no database could be opened, as files on the Volume."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex

from gateway.domain.handed import Handed


class Spool:
    """A folder of requests, oldest first. All calls block, and raise OSError."""

    def __init__(self, folder: Path, commit: Callable[[], None] = lambda: None) -> None:
        self._folder = folder
        self._commit = commit

    def put(self, handed: Handed) -> None:
        """Keep a request; durable when this returns. The Volume itself is never made."""
        self._folder.mkdir(exist_ok=True)
        name = f"{time.time_ns():020}-{token_hex(4)}.json"
        partial = self._folder / f".{name}.partial"
        with partial.open("wb") as file:
            file.write(_written(handed))
            file.flush()
            os.fsync(file.fileno())
        partial.rename(self._folder / name)
        self._commit()

    def waiting(self) -> list[Path]:
        """Return the files of all requests, oldest first."""
        return sorted(self._folder.glob("*.json")) if self._folder.is_dir() else []

    def read(self, path: Path) -> Handed | None:
        """Return the request in a file; None when it can not be read, and it is set aside."""
        try:
            found = json.loads(path.read_bytes())
            headers = tuple((str(name), str(value)) for name, value in found["headers"])
            return Handed(str(found["path"]), headers, base64.b64decode(found["body"]))
        except (ValueError, KeyError, TypeError):
            path.rename(path.with_suffix(".unreadable"))
            self._commit()
            return None

    def drop(self, path: Path) -> None:
        """Forget a request that its door has stored."""
        path.unlink(missing_ok=True)
        self._commit()


def _written(handed: Handed) -> bytes:
    body = base64.b64encode(handed.body).decode()
    return json.dumps({"path": handed.path, "headers": handed.headers, "body": body}).encode()
