"""The whole hub at a steady pace for long: does its memory grow, do its waits?"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import uvloop

from bench.hub import Hub, InstantAgents
from bench.measuring import milliseconds, offer
from bench.store import machine, raw_fsync
from storage.sqlite import SqliteStore

ROUND_SECONDS = 10.0
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 1024 / 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be varied."""
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=100, help="messages a second")
    parser.add_argument("--folder", type=Path, default=None, help="where the database is made")


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Measure."""
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        raw = raw_fsync(Path(folder) / "fsync")
        figures = uvloop.run(measure(Path(folder), arguments.minutes * 60, arguments.rate))
    return {"machine": machine(), "raw_fsync_4k": raw, **figures}


async def measure(folder: Path, seconds: float, rate: float) -> dict[str, object]:
    """Offer rounds of load; look at the memory when each has been answered."""
    sizes: list[float] = []
    waits: list[dict[str, float]] = []
    messages, end = 0, time.perf_counter() + seconds
    async with Hub(SqliteStore(folder / "soak.db"), InstantAgents).running() as hub:
        while time.perf_counter() < end or len(sizes) < 2:
            await offer(rate, min(ROUND_SECONDS, seconds / 2), hub.says)
            await hub.drained()
            waits.append(milliseconds(hub.platform.waits))
            messages += len(hub.written_at)
            # What the bench itself remembers is not to be measured.
            for kept in (hub.written_at, hub.agents.waits, hub.platform.waits):
                kept.clear()
            sizes.append(resident_mb())
    settled = sizes[len(sizes) // 4]
    return {
        "messages": messages,
        "rss_mb_first": round(sizes[0], 1),
        "rss_mb_after_a_quarter": round(settled, 1),
        "rss_mb_last": round(sizes[-1], 1),
        "rss_growth_since_a_quarter": round(sizes[-1] / settled, 3),
        "message_to_answer_first": waits[0],
        "message_to_answer_last": waits[-1],
    }


def resident_mb() -> float:
    """Return the memory of this process that is in use now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_MB
