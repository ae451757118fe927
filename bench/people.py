"""What a person costs: time and memory on first and on second contact, with three agents each."""

from __future__ import annotations

import argparse
import asyncio
import os
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from random import Random

import uvloop

from agents.constellation import AgentConstellation, ConstellationOptions
from gateway.clock import SystemClock
from gateway.domain.conversations import Conversation
from gateway.domain.ids import AgentId, PersonId, SessionId, TurnId
from gateway.domain.people import Person, Route
from gateway.domain.turns import Turn, TurnRef
from gateway.garbage import keep_what_is_loaded
from storage.sqlite import SqliteStore
from storage.sqlite.people import GET_CONTACT

ROLES = ("postern", "scribe", "scout")
AT_ONCE = 256
SAMPLE, ROUNDS = 500, 5
"""People who come again: few enough for the memory to hold them all, and for its 5 s."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Microseconds for each person."""

    wall_us: float
    cpu_us: float
    """Of all threads; other programs on the machine hardly change it."""


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
    keep_what_is_loaded()  # as a gateway does
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
        first = await _contacts(range(people), constellation)
        resident, asked = _rss_bytes() - before, host.calls
        known, forgotten = await _second_contacts(people, store, host)
        reads = _raw_reads(folder / "postern.db", people)
    finally:
        await store.close()
    return {
        "raw_commits_us_per_agent": raw.wall_us,
        "first_contact_us_per_person": first.wall_us,
        "first_contact_cpu_us_per_person": first.cpu_us,
        "second_contact_in_cache_us_per_person": known.wall_us,
        "second_contact_in_cache_cpu_us_per_person": known.cpu_us,
        "second_contact_from_store_us_per_person": forgotten.wall_us,
        "second_contact_from_store_cpu_us_per_person": forgotten.cpu_us,
        "raw_reads_us_per_person": reads.wall_us,
        "rss_bytes_per_person": round(resident / people),
        "agents_made": host.made,
        "host_calls_on_first_contact": asked,
        "host_calls_on_second_contact": host.calls - asked,
    }


def _constellation(store: SqliteStore, host: CountingHost) -> AgentConstellation:
    options = ConstellationOptions(settle_seconds=0)
    return AgentConstellation(store.people, host, SystemClock(), options)


async def _second_contacts(people: int, store: SqliteStore, host: CountingHost) -> list[Cost]:
    """Return what people cost who are still remembered, and those who were forgotten since.

    The least of some rounds: what else goes on on a machine only adds.
    """
    rounds: list[tuple[Cost, Cost]] = []
    for nth in range(ROUNDS):
        some = _sample(nth, people)
        constellation = _constellation(store, host)
        forgotten = await _contacts(some, constellation)
        known = await _contacts(some, constellation)
        rounds.append((known, forgotten))
    return [min(costs, key=lambda cost: cost.cpu_us) for costs in zip(*rounds, strict=True)]


async def _contacts(people: Sequence[int], constellation: AgentConstellation) -> Cost:
    """Let people talk to all their agents once; returns what each of them costs."""

    async def one(number: int) -> None:
        for role in ROLES:
            await constellation.session_for(_turn(number, role))

    return await _in_crowds(people, one)


async def _raw(path: Path, people: int) -> Cost:
    """Return what the three commits alone cost that each agent takes."""
    store = SqliteStore(path)
    await store.open()

    async def one(number: int) -> None:
        person, place = PersonId(f"person-{number:032}"), _place(number)
        await store.people.intend_agent(person, "postern", SystemClock().now())
        await store.people.bind_agent(person, "postern", AgentId(f"agent-{number}"))
        await store.people.bind_session(AgentId(f"agent-{number}"), place.id, SessionId("conv"))

    try:
        return await _in_crowds(range(people), one)
    finally:
        await store.close()


def _raw_reads(path: Path, people: int) -> Cost:
    """Return what SQLite alone takes to find a person's agents: deeper trees, more steps."""
    rounds: list[Cost] = []
    with closing(sqlite3.connect(path)) as connection:
        for nth in range(ROUNDS):
            some = _sample(nth, people)
            since, cpu_since = time.perf_counter(), time.process_time()
            for number in some:
                turn = _turn(number, "")
                for role in ROLES:
                    asked = (turn.conversation.id, turn.person, role)
                    connection.execute(GET_CONTACT, asked).fetchall()
            rounds.append(_cost(since, cpu_since, len(some)))
    return min(rounds, key=lambda cost: cost.cpu_us)


async def _in_crowds(people: Sequence[int], one: Callable[[int], Awaitable[None]]) -> Cost:
    since, cpu_since = time.perf_counter(), time.process_time()
    for start in range(0, len(people), AT_ONCE):
        await asyncio.gather(*map(one, people[start : start + AT_ONCE]))
    return _cost(since, cpu_since, len(people))


def _cost(since: float, cpu_since: float, people: int) -> Cost:
    """Return what it came to for each, by the clocks of before."""
    wall, cpu = time.perf_counter() - since, time.process_time() - cpu_since
    return Cost(*(round(1_000_000 * seconds / people, 1) for seconds in (wall, cpu)))


def _sample(nth: int, people: int) -> list[int]:
    """Return the same ones in each run, from all over the table."""
    return Random(nth).sample(range(people), min(people, SAMPLE))


def _turn(number: int, role: str) -> Turn:
    person, place = PersonId(f"person-{number:032}"), _place(number)
    ref = TurnRef(TurnId(f"turn-{number}"), Route(role).lane(person, place), fence=1)
    return Turn(ref, person, role, place, (), attempt=1, started_at=SystemClock().now())


def _place(number: int) -> Conversation:
    return Conversation("discord", "dm", str(number))


def _rss_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
