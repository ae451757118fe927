"""A process that accepts the messages that it reads, and says of each when a snapshot has it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from storage.sqlite import SqliteStore
from storage.sqlite.snapshots import SnapshotFolder, SnapshotOptions, Snapshots
from tests.contracts.store.words import ROUTE, at, message


async def write(live: Path, folder: Path) -> None:
    """Write until the input ends, or until killed."""
    snapshots = Snapshots(live, SnapshotFolder(folder), SnapshotOptions(every_seconds=0.01))
    await snapshots.restore()
    store = SqliteStore(live)
    await store.open()
    await snapshots.begin()
    while line := await asyncio.to_thread(sys.stdin.readline):
        for event in line.split():
            await store.turns.accept(message(event), ROUTE, at(0))
        await snapshots.flush()
        os.write(1, line.encode())
    await snapshots.close()
    await store.close()


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1]), Path(sys.argv[2])))
