"""What a person costs: time and memory on first and on second contact, with three agents each."""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import uvloop

from agents.constellation import AgentConstellation, ConstellationOptions
from bench.measuring import per_second
from gateway.clock import SystemClock
from gateway.domain.conversations import Conversation
from gateway.domain.ids import AgentId, PersonId, SessionId, TurnId
from gateway.domain.people import Person, Route
from gateway.domain.turns import Turn, TurnRef
from storage.sqlite import SqliteStore

ROLES = ("postern", "scribe", "scout")
AT_ONCE = 256


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be varied."""
    parser.add_argument(
        "--people", type=int, nargs="+", default=[1_000, 10_000], help="how many; 100000 is fine"
    )


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Measure each size in a process of its own, so that none finds the memory of another."""
    figures: dict[str, object] = {}
    for people in arguments.people:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            figures[f"{people:,} people"] = process.submit(measure, people).result()
    return figures


def measure(people: int) -> dict[str, float]:
    """Return the figures of so many people."""
    with tempfile.TemporaryDirectory() as folder:
        return uvloop.run(_measure(Path(folder), people))


class CountingHost:
    """A host that answers at once, and counts what it is asked."""

    def __init__(self) -> None:
        self.calls = 0
        self.made = 0

    async def find_agent(self, person: Person, role: str) -> AgentId | None:
        self.calls += 1
        return None

    async def create_agent(self, person: Person, role: str) -> AgentId:
        self.calls += 1
        self.made += 1
        return AgentId(f"agent-{self.made:032}")

    async def find_session(self, agent: AgentId, conversation: Conversation) -> SessionId | None:
        self.calls += 1
        return None

    async def create_session(self, agent: AgentId, conversation: Conversation) -> SessionId:
        self.calls += 1
        return SessionId(f"conv-{agent}")


async def _measure(folder: Path, people: int) -> dict[str, float]:
    raw = await _raw(folder / "raw.db", min(people, 2_000))
    store, host = SqliteStore(folder / "postern.db"), CountingHost()
    await store.open()
    try:
        constellation = _constellation(store, host)
        before = _rss_bytes()
        first = await _everybody(people, constellation)
        resident, asked = _rss_bytes() - before, host.calls
        again = await _everybody(people, constellation)
        newcomer = await _everybody(people, _constellation(store, host))
    finally:
        await store.close()
    return {
        "raw_commits_us_per_agent": raw,
        "first_contact_us_per_person": first,
        "second_contact_us_per_person": again,
        "after_restart_us_per_person": newcomer,
        "rss_bytes_per_person": round(resident / people),
        "agents_made": host.made,
        "host_calls_on_first_contact": asked,
        "host_calls_on_second_contact": host.calls - asked,
    }


def _constellation(store: SqliteStore, host: CountingHost) -> AgentConstellation:
    options = ConstellationOptions(settle_seconds=0)
    return AgentConstellation(store.people, host, SystemClock(), options)


async def _everybody(people: int, constellation: AgentConstellation) -> float:
    """Let everybody talk to all their agents once; returns microseconds for each person."""

    async def one(number: int) -> None:
        for role in ROLES:
            await constellation.session_for(_turn(number, role))

    return await _in_crowds(people, one)


async def _raw(path: Path, people: int) -> float:
    """Return microseconds for each agent of the three commits alone that it takes."""
    store = SqliteStore(path)
    await store.open()

    async def one(number: int) -> None:
        person, place = PersonId(f"person-{number:032}"), _place(number)
        await store.people.intend_agent(person, "postern", SystemClock().now())
        await store.people.bind_agent(person, "postern", AgentId(f"agent-{number}"))
        await store.people.bind_session(AgentId(f"agent-{number}"), place.id, SessionId("conv"))

    try:
        return await _in_crowds(people, one)
    finally:
        await store.close()


async def _in_crowds(people: int, one: Callable[[int], Awaitable[None]]) -> float:
    since = time.perf_counter()
    for start in range(0, people, AT_ONCE):
        crowd = range(start, min(start + AT_ONCE, people))
        await asyncio.gather(*(one(number) for number in crowd))
    return round(1_000_000 / max(1, per_second(people, since)), 1)


def _turn(number: int, role: str) -> Turn:
    person, place = PersonId(f"person-{number:032}"), _place(number)
    ref = TurnRef(TurnId(f"turn-{number}"), Route(role).lane(person, place), fence=1)
    return Turn(ref, person, role, place, (), attempt=1, started_at=SystemClock().now())


def _place(number: int) -> Conversation:
    return Conversation("discord", "dm", str(number))


def _rss_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
