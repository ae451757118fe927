"""A turn on the embedded server with a model that takes no time, beside a bare HTTP stream.

Twice: with the server in a process of its own, as real Letta servers were measured, beside one
that answers the same at once; and in the client's process, as `postern up` runs it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sqlite3
import tempfile
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import uvicorn
import uvloop
from letta_client import AsyncLetta
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

from agents.embedded import EmbeddedOptions
from agents.embedded.server import serve
from agents.letta import LettaOptions
from agents.letta.client import Letta, make_client, open_letta
from bench.canned_letta import canned_letta
from bench.letta_process import LettaProcess, letta_process, resident_mb
from bench.measuring import milliseconds, per_second, percentile
from bench.store import machine
from gateway.domain.conversations import Conversation
from gateway.domain.ids import PersonId
from gateway.domain.people import Person
from gateway.domain.turns import InputMessage, RunRequest, Session, TextDelta

WORDS = 20
SAYING = "one two three four five six"
"""The offline model answers it with so many words."""
WARM_UP = 20
AGENTS = (1, 8, 32)
COMMITS = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be varied."""
    parser.add_argument("--turns", type=int, default=300, help="turns of each kind, one at a time")
    parser.add_argument("--together", type=int, default=1000, help="turns of many agents at once")


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Measure it both ways."""
    with tempfile.TemporaryDirectory() as folder:
        figures = uvloop.run(measure(Path(folder), arguments))
    load = [round(number, 1) for number in os.getloadavg()]
    return {"machine": machine(), "load": load, "words_per_turn": WORDS, **figures}


async def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, object]:
    """The server alone, then in this process."""
    commit = milliseconds(commits(folder / "raw.db"))
    async with letta_process(folder) as process:
        own_process = await measure_process(process, arguments)
    options = EmbeddedOptions(folder / "inside.db", word_delay_seconds=0)
    async with serve(options) as url, open_letta(LettaOptions(base_url=url)) as letta:
        (session,) = await acquainted(letta, 1)
        size = len(await recorded_stream(url, session))
        async with raw_server(size) as raw_url, httpx.AsyncClient() as raw:
            stream = await timed(arguments.turns, lambda: raw_turn(raw, raw_url))
        inside = await measure_inside(url, letta, arguments)
    return {
        "raw_commit": commit,
        "raw_stream": {"bytes": size, **stream},
        "own_process": own_process,
        "client_in_its_process": inside,
    }


def commits(database: Path) -> list[float]:
    """Time what a turn needs two of: a commit that waits for the disk."""
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("CREATE TABLE t (a)")
        times: list[float] = []
        for number in range(COMMITS):
            began = time.perf_counter()
            db.execute("INSERT INTO t VALUES (?)", (number,))
            times.append(time.perf_counter() - began)
        return times


async def measure_process(
    process: LettaProcess, arguments: argparse.Namespace
) -> dict[str, object]:
    """What the server costs and brings, beside one that answers with a recorded turn at once."""
    figures: dict[str, object] = {"rss_idle_mb": process.resident_mb()}
    async with open_letta(LettaOptions(base_url=process.url)) as letta:
        (session,) = await acquainted(letta, 1)
        async with (
            canned_letta(await recorded_stream(process.url, session)) as url,
            open_letta(LettaOptions(base_url=url)) as canned,
        ):
            figures["turn"], figures["canned_turn"] = await side_by_side(
                arguments.turns,
                lambda: our_turn(letta, session),
                lambda: our_turn(canned, session),
            )
        for count in AGENTS:
            sessions = await acquainted(letta, count)
            before = process.cpu_seconds()
            rate = await together(letta, sessions, arguments.together)
            used = (process.cpu_seconds() - before) / arguments.together
            figures[f"turns_per_s_{count}_agents"] = rate
            figures[f"server_cpu_ms_{count}_agents"] = round(used * 1000, 2)
    return figures | {"rss_mb": process.resident_mb()}


async def measure_inside(
    url: str, letta: Letta, arguments: argparse.Namespace
) -> dict[str, object]:
    """A bare letta-client, our adapter; then many agents at once."""
    async with make_client(LettaOptions(base_url=url)) as client:
        bare_session, our_session = await acquainted(letta, 2)
        bare, ours = await side_by_side(
            arguments.turns,
            lambda: bare_turn(client, bare_session),
            lambda: our_turn(letta, our_session),
        )
    figures: dict[str, object] = {"bare_letta_client": bare, "our_runtime": ours}
    for figure in ("p50_ms", "cpu_ms"):
        added = ours[figure] - bare[figure]
        figures[f"added_over_letta_client_{figure}"] = round(added, 3)
    for count in AGENTS:
        sessions = await acquainted(letta, count)
        rate = await together(letta, sessions, arguments.together)
        figures[f"turns_per_s_{count}_agents"] = rate
    return figures | {"rss_mb": resident_mb(os.getpid())}


Turn = Callable[[], Awaitable[float]]
"""Runs one turn; returns when its first text came."""


async def side_by_side(
    count: int, one: Turn, other: Turn
) -> tuple[dict[str, float], dict[str, float]]:
    """Time two kinds of turns alternately, so that noise hits both alike."""
    ones, others = Samples(), Samples()
    for number in range(WARM_UP + count):
        if number == WARM_UP:
            ones, others = Samples(), Samples()
        await ones.take(one)
        await others.take(other)
    return ones.figures(), others.figures()


@dataclass
class Samples:
    """Turns of one kind: how long each took, and what all of them cost this process."""

    whole: list[float] = field(default_factory=list[float])
    first: list[float] = field(default_factory=list[float])
    cpu: float = 0.0

    async def take(self, turn: Turn) -> None:
        """Run one more."""
        cpu, began = time.process_time(), time.perf_counter()
        self.first.append(await turn() - began)
        self.whole.append(time.perf_counter() - began)
        self.cpu += time.process_time() - cpu

    def figures(self) -> dict[str, float]:
        """Percentiles in ms, turns a second, and what a turn takes of this process's processor."""
        return {
            **milliseconds(self.whole),
            "per_s": round(len(self.whole) / sum(self.whole)),
            "first_text_p50_ms": round(percentile(self.first, 50) * 1000, 3),
            "cpu_ms": round(self.cpu / len(self.whole) * 1000, 3),
        }


async def timed(count: int, turn: Turn) -> dict[str, float]:
    """Time one turn after the other, to the first text and to the end."""
    for _ in range(WARM_UP):
        await turn()
    samples = Samples()
    for _ in range(count):
        await samples.take(turn)
    return samples.figures()


async def acquainted(letta: Letta, agents: int) -> list[Session]:
    """Make agents that have answered once: the first answer of all is a long one."""
    sessions = [await new_session(letta) for _ in range(agents)]
    for session in sessions:
        await our_turn(letta, session)
    return sessions


async def together(letta: Letta, sessions: Sequence[Session], turns: int) -> int:
    """Count the turns a second of these agents, each with one turn at a time."""
    numbers = iter(range(turns))

    async def talk(session: Session) -> None:
        for _ in numbers:
            await our_turn(letta, session)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for session in sessions:
            group.create_task(talk(session))
    return per_second(turns, began)


async def new_session(letta: Letta) -> Session:
    """Make an agent with a thread."""
    person = Person(PersonId(uuid.uuid4().hex), "Ada")
    agent = await letta.host.create_agent(person, "postern")
    thread = await letta.host.create_session(agent, Conversation("console", "local", "c"))
    return Session(agent, thread)


async def our_turn(letta: Letta, session: Session) -> float:
    """Run one turn through our adapter; return when its first text came."""
    otid = str(uuid.uuid4())
    first = 0.0
    async for event in letta.runtime.run(RunRequest(session, (InputMessage(SAYING, otid),), otid)):
        if isinstance(event, TextDelta) and not first:
            first = time.perf_counter()
    return first


async def bare_turn(client: AsyncLetta, session: Session) -> float:
    """Run one turn with letta-client alone; return when its first text came."""
    stream = await client.conversations.messages.create(
        session.thread,
        messages=[{"role": "user", "content": SAYING, "otid": str(uuid.uuid4())}],
        stream_tokens=True,
        background=True,
    )
    first = 0.0
    async for event in stream:
        if event.message_type == "assistant_message" and not first:
            first = time.perf_counter()
    return first


async def raw_turn(client: httpx.AsyncClient, url: str) -> float:
    """Read the same bytes from a server that does nothing; return when the first came."""
    first = 0.0
    async with client.stream("POST", url, json={"input": SAYING}) as response:
        async for _ in response.aiter_bytes():
            first = first or time.perf_counter()
    return first


async def recorded_stream(url: str, session: Session) -> bytes:
    """Run one more turn and return its stream as it came."""
    body = {
        "messages": [{"role": "user", "content": SAYING}],
        "stream_tokens": True,
        "background": True,
    }
    address = f"{url}/v1/conversations/{session.thread}/messages"
    async with httpx.AsyncClient() as client:
        return (await client.post(address, json=body)).content


class _Server(uvicorn.Server):
    """A uvicorn that leaves signals to its host process."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


@asynccontextmanager
async def raw_server(size: int) -> AsyncGenerator[str]:
    """Serve a stream of so many bytes, in as many pieces as a turn has words."""
    piece = b"x" * (size // WORDS)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(WORDS):
            yield piece

    async def answer(_request: object) -> StreamingResponse:
        return StreamingResponse(pieces(), media_type="text/event-stream")

    app = Starlette(routes=[Route("/", answer, methods=["POST"])])
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        config = uvicorn.Config(app, log_config=None, lifespan="off", ws="none", access_log=False)
        server = _Server(config)
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve([listener]))
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
            server.should_exit = True
