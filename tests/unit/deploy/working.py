"""A worker as a deployment opens it, in this process."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.worker import Worker, opened_worker
from gateway.settings import Settings, load_settings
from storage.sqlite.snapshots import SnapshotFolder, SnapshotOptions
from tests.fakes.patience import PATIENCE_SECONDS

SECRET = "shhh"
QUICK = SnapshotOptions(every_seconds=0.02)


def settings_in(data_dir: Path, **given: str) -> Settings:
    """Return settings whose Slack is a port where nobody listens."""
    return load_settings(
        {
            "POSTERN_DATA_DIR": str(data_dir),
            "SLACK_BOT_TOKEN": "xoxb-1",
            "SLACK_SIGNING_SECRET": SECRET,
            "POSTERN_SLACK__API_URL": "http://127.0.0.1:9/api",
            "POSTERN_ACCESS__SLACK": "open",
            **given,
        }
    )


@asynccontextmanager
async def working(
    data_dir: Path, volume: Path | SnapshotFolder, **given: str
) -> AsyncGenerator[Worker]:
    """Run a worker until the end of the block."""
    stop, ready = asyncio.Event(), asyncio.Event()
    settings = settings_in(data_dir, **given)
    folder = volume if isinstance(volume, SnapshotFolder) else SnapshotFolder(volume)
    async with (
        opened_worker(settings, folder, QUICK) as worker,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(worker.serve(stop, ready.set))
        await asyncio.wait_for(ready.wait(), PATIENCE_SECONDS)
        try:
            yield worker
        finally:
            stop.set()


def event(name: str) -> bytes:
    """Return a DM as Slack sends it."""
    said = {
        "type": "message", "channel": "D1", "channel_type": "im", "user": "U1",
        "text": name, "ts": name,
    }  # fmt: skip
    outer = {"type": "event_callback", "team_id": "T1", "event_id": name, "event": said}
    return json.dumps(outer).encode()


def stored(database: Path) -> set[str]:
    """Return the ids of the events in a database."""
    connection = sqlite3.connect(database)
    rows = connection.execute("SELECT key FROM inbox").fetchall()
    connection.close()
    return {key.rpartition(":")[2] for (key,) in rows}
