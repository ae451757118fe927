"""Slack's door: a signed event, stored, then acknowledged, beside bolt acknowledging unstored."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import aiohttp
import uvloop

from bench.measuring import offer

SECRET = "bench"  # noqa: S105 - known to both sides of the bench
TEAM, APP_USER = "T1", "UAPP"
PEOPLE = 200
RATES = (50, 500, 1000)
KINDS = ("bare bolt", "stored")

_numbers = count(1)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be varied."""
    parser.add_argument("--seconds", type=float, default=4, help="length of each measurement")
    parser.add_argument("--connections", type=int, default=32, help="of the closed loop")
    parser.add_argument("--rounds", type=int, default=3, help="closed loops of each, in turns")
    parser.add_argument("--folder", type=Path, default=None, help="where the database is made")


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Measure both servers in turns, each in a process of its own."""
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        return uvloop.run(measure(Path(folder), arguments))


async def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, object]:
    """Return throughput by closed loops, and latency at fixed rates."""
    figures: dict[str, object] = {}
    with served("bare bolt", folder) as bare, served("stored", folder) as stored:
        urls = {"bare bolt": bare, "stored": stored}
        best = dict.fromkeys(KINDS, 0.0)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            for kind in KINDS:
                await warm_up(session, urls[kind])
            for _ in range(arguments.rounds):
                for kind in KINDS:
                    done = await closed_loop(session, urls[kind], arguments)
                    best[kind] = max(best[kind], done)
            for kind in KINDS:
                figures[f"{kind}: events/s"] = round(best[kind])
            figures["stored / bare"] = round(best["stored"] / best["bare bolt"], 3)
            for rate in RATES:
                for kind in KINDS:
                    figures[f"{kind}: ack at {rate}/s"] = await open_loop(
                        session, urls[kind], rate, arguments.seconds
                    )
    return figures


async def closed_loop(
    session: aiohttp.ClientSession, url: str, arguments: argparse.Namespace
) -> float:
    """Send on every connection as fast as it is answered; return events a second."""
    done = 0
    end = time.perf_counter() + arguments.seconds

    async def one() -> None:
        nonlocal done
        while time.perf_counter() < end:
            await post(session, url)
            done += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(arguments.connections):
            group.create_task(one())
    return done / arguments.seconds


async def open_loop(
    session: aiohttp.ClientSession, url: str, rate: float, seconds: float
) -> dict[str, float]:
    """Send at a fixed rate, whatever the pace of the answers."""
    return await offer(rate, seconds, lambda _: post(session, url))


async def warm_up(session: aiohttp.ClientSession, url: str) -> None:
    """Let everybody speak once, so that what is learned of each is known."""
    for _ in range(PEOPLE):
        await post(session, url)


async def post(session: aiohttp.ClientSession, url: str) -> None:
    """Send one new event, signed as Slack does; anything but a 200 ends the bench."""
    body = event(next(_numbers))
    stamp = str(int(time.time()))
    digest = hmac.new(SECRET.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={digest}",
    }
    async with session.post(url, data=body, headers=headers) as answer:
        answer.raise_for_status()
        await answer.read()


def event(number: int) -> bytes:
    """Return a DM of one of the people."""
    user = f"U{number % PEOPLE}"
    ts = f"{1_700_000_000 + number // 1_000_000}.{number % 1_000_000:06d}"
    message = {
        "type": "message",
        "user": user,
        "ts": ts,
        "client_msg_id": f"{number:032x}",
        "text": "x" * 300,
        "team": TEAM,
        "channel": f"D{number % PEOPLE}",
        "event_ts": ts,
        "channel_type": "im",
    }
    authorization = {"team_id": TEAM, "user_id": APP_USER, "is_bot": True}
    return json.dumps(
        {
            "type": "event_callback",
            "team_id": TEAM,
            "api_app_id": "A1",
            "event_id": f"Ev{number}",
            "event_time": 1_700_000_000,
            "authorizations": [authorization],
            "event": message,
        }
    ).encode()


# -- the servers ---------------------------------------------------------------------------------


@contextmanager
def served(kind: str, folder: Path) -> Generator[str]:
    """Run a server in a process of its own; yields where it takes events."""
    command = [sys.executable, "-m", "bench.slack_server", kind, str(folder / "bench.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
        assert process.stdout is not None  # noqa: S101 - asked for above
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/slack/events"
        finally:
            process.terminate()
