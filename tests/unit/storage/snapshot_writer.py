"""A process that accepts messages, and says of each when a snapshot has it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from storage.sqlite import SqliteStore
from storage.sqlite.snapshots import SnapshotFolder, SnapshotOptions, Snapshots
from tests.contracts.store.words import ROUTE, at, message


async def write(live: Path, folder: Path, prefix: str) -> None:
    """Write until killed."""
    snapshots = Snapshots(live, SnapshotFolder(folder), SnapshotOptions(every_seconds=0.01))
    await snapshots.restore()
    store = SqliteStore(live)
    await store.open()
    await snapshots.begin()
    number = 0
    while True:
        events = [f"{prefix}-{number + each}" for each in range(5)]
        number += 5
        for event in events:
            await store.turns.accept(message(event), ROUTE, at(0))
        await snapshots.flush()
        os.write(1, "".join(f"{event}\n" for event in events).encode())


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
