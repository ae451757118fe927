"""Slack's door: a signed event, stored, then acknowledged, beside bolt acknowledging unstored."""

from __future__ import annotations

import argparse
import asyncio
import hmac
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from statistics import median

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
    """Return throughput by closed loops, on one core and on all; then latency at fixed rates."""
    figures: dict[str, object] = {}
    with served("bare bolt", folder) as bare, served("stored", folder) as stored:
        servers = {"bare bolt": bare, "stored": stored}
        for kind in KINDS:
            await warm_up(servers[kind].lines())
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        if len(cores) > 1:
            keep_to(cores[:-1], [os.getpid()])
            keep_to(cores[-1:], [server.pid for server in servers.values()])
            figures["one core"] = await throughput(servers, arguments)
            keep_to(cores, [os.getpid(), *(server.pid for server in servers.values())])
        figures["all cores"] = await throughput(servers, arguments)
        for rate in RATES:
            for kind in KINDS:
                figures[f"{kind}: ack at {rate}/s"] = await open_loop(
                    servers[kind].lines(), rate, arguments.seconds
                )
    return figures


def keep_to(cores: Collection[int], processes: Collection[int]) -> None:
    """Let processes run on these cores only, with all their threads; as Linux can."""
    for process in processes:
        for thread in Path(f"/proc/{process}/task").iterdir():
            os.sched_setaffinity(int(thread.name), cores)


async def throughput(
    servers: Mapping[str, Server], arguments: argparse.Namespace
) -> dict[str, object]:
    """Run closed loops against both, in turns."""
    loops: dict[str, list[Loop]] = {kind: [] for kind in KINDS}
    for _ in range(arguments.rounds):
        for kind in KINDS:
            loops[kind].append(await closed_loop(servers[kind].lines(), arguments))
    best = {kind: max(loops[kind], key=lambda loop: loop.events_per_s) for kind in KINDS}
    return {
        **{kind: asdict(loop) for kind, loop in best.items()},
        "stored / bare": {
            "throughput": round(ratio(loops, lambda loop: loop.events_per_s), 3),
            "events for the same CPU": round(1 / ratio(loops, lambda loop: loop.cpu_us), 3),
        },
    }


@dataclass(frozen=True, slots=True)
class Loop:
    """What one closed loop came to."""

    events_per_s: float
    cpu_us: float
    """Of the server, all its threads, for each event."""
    sender_busy: float
    """How much of its core the sender used: near 1 it is the sender that is measured."""


def ratio(loops: dict[str, list[Loop]], of: Callable[[Loop], float]) -> float:
    """Return stored through bare: the median over the rounds, each pair measured side by side."""
    pairs = zip(loops["stored"], loops["bare bolt"], strict=True)
    return median(of(stored) / of(bare) for stored, bare in pairs)


async def closed_loop(lines: Lines, arguments: argparse.Namespace) -> Loop:
    """Send on every connection as fast as it is answered."""
    done = 0
    served_before, sent_before = await lines.server_cpu_seconds(), time.process_time()
    begin = time.perf_counter()

    async def one() -> None:
        nonlocal done
        while time.perf_counter() < begin + arguments.seconds:
            await post(lines)
            done += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(arguments.connections):
            group.create_task(one())
    took, sent = time.perf_counter() - begin, time.process_time() - sent_before
    served_cpu = await lines.server_cpu_seconds() - served_before
    return Loop(round(done / took), round(served_cpu / done * 1e6), round(sent / took, 2))


async def open_loop(lines: Lines, rate: float, seconds: float) -> dict[str, float]:
    """Send at a fixed rate, whatever the pace of the answers."""
    return await offer(rate, seconds, lambda _: post(lines))


async def warm_up(lines: Lines) -> None:
    """Let everybody speak once, so that what is learned of each is known."""
    for _ in range(PEOPLE):
        await post(lines)


async def post(lines: Lines) -> None:
    """Send one new event, signed as Slack does; anything but a 200 ends the bench."""
    body = event(next(_numbers))
    stamp = str(int(time.time())).encode()
    digest = hmac.digest(SECRET.encode(), b"v0:" + stamp + b":" + body, "sha256").hex()
    await lines.ask(
        b"POST /slack/events HTTP/1.1\r\nHost: bench\r\nAccept: */*\r\n"
        b"User-Agent: Slackbot 1.0\r\nContent-Type: application/json\r\n"
        b"X-Slack-Request-Timestamp: %b\r\nX-Slack-Signature: v0=%b\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (stamp, digest.encode(), len(body), body)
    )


class Lines:
    """Connections to a server, kept open: a client that costs less than what it measures."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, request: bytes) -> bytes:
        """Send a request on a free connection, and return the answer's body."""
        reader, writer = await self._line()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"The server said {head!r}.")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        body = await reader.readexactly(int(length))
        self._free.append((reader, writer))
        return body

    async def server_cpu_seconds(self) -> float:
        """Return what the server's process has used so far."""
        return float(await self.ask(b"GET /cpu HTTP/1.1\r\nHost: bench\r\n\r\n"))

    async def _line(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return a connection that the server has not closed: it does when one is idle for long."""
        while self._free:
            reader, writer = self._free.pop()
            if not reader.at_eof():
                return reader, writer
            writer.close()
        return await asyncio.open_connection("127.0.0.1", self._port)


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


@dataclass(frozen=True, slots=True)
class Server:
    """A process that serves."""

    pid: int
    port: int

    def lines(self) -> Lines:
        """Return fresh connections: those that were idle for long the server may be closing."""
        return Lines(self.port)


@contextmanager
def served(kind: str, folder: Path) -> Generator[Server]:
    """Run a server in a process of its own."""
    command = [sys.executable, "-m", "bench.slack_server", kind, str(folder / "bench.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
        assert process.stdout is not None  # noqa: S101 - asked for above
        try:
            yield Server(process.pid, int(process.stdout.readline()))
        finally:
            process.terminate()
