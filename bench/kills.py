"""Real kills of a whole gateway while people write: what was lost, doubled or out of order."""

from __future__ import annotations

import argparse
import asyncio
import logging
import tempfile
from dataclasses import asdict
from pathlib import Path

from bench.postgres import served_schema
from bench.store import machine, raw_fsync
from tests.crash.kills import Load, Verdict, killed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be varied."""
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--platform", choices=("discord", "slack"), default="discord")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--people", type=int, default=10)
    parser.add_argument("--pause", type=float, default=0.7, help="seconds between one's messages")
    parser.add_argument("--seed", type=int, default=1, help="of the moments and the pauses")


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Kill, and count."""
    logging.disable(logging.CRITICAL)
    load = Load(arguments.kills, arguments.people, arguments.pause, seed=arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        raw = raw_fsync(Path(folder) / "fsync")
        verdict = asyncio.run(_killed(Path(folder), arguments, load))
    return {
        "machine": machine(),
        "raw_fsync_4k": raw,
        "database": arguments.database,
        "platform": arguments.platform,
        **asdict(verdict),
        "faults": verdict.faults,
    }


async def _killed(folder: Path, arguments: argparse.Namespace, load: Load) -> Verdict:
    if arguments.database == "sqlite":
        return await killed(folder, "", arguments.platform, load)
    async with served_schema() as url:
        return await killed(folder, url, arguments.platform, load)
