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
from typing import TypeVar

import uvloop

from agents.constellation import AgentConstellation, ConstellationOptions
from gateway.clock import SystemClock
from gateway.domain.conversations import Conversation
from gateway.domain.ids import AgentId, PersonId, SessionId, TurnId
from gateway.domain.people import Person, Route
from gateway.domain.turns import Turn, TurnRef
from gateway.garbage import keep_what_is_loaded
from storage.sqlite import SqliteStore
from storage.sqlite.people import CONTACTS

T = TypeVar("T")
ROLES = ("postern", "scribe", "scout")
AT_ONCE = 256
SAMPLE, ROUNDS = 500, 7
"""People who come again: few enough for the memory to hold them all, and for its 5 s."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Microseconds for each person."""

    wall_us: float
    cpu_us: float
    """Of all threads; other programs on the machine hardly change it."""


@dataclass(frozen=True, slots=True)
class Town:
    """So many people, and the folder that knows them."""

    folder: Path
    people: int

    @property
    def store(self) -> Path:
        """The gateway's database."""
        return self.folder / "postern.db"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be varied."""
    parser.add_argument(
        "--people", type=int, nargs="+", default=[1_000, 10_000], help="how many; 100000 is fine"
    )


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Measure each size in processes of its own, and who comes again in turns.

    So no size finds the memory of another, and all sizes find the machine at the same pace.
    """
    with tempfile.TemporaryDirectory() as folder:
        towns = [Town(Path(folder, str(people)), people) for people in arguments.people]
        first = [_alone(settle, town) for town in towns]
        again = [[_alone(visit, town, nth) for town in towns] for nth in range(ROUNDS)]
    return {
        f"{town.people:,} people": figures | _least(rounds)
        for town, figures, rounds in zip(towns, first, zip(*again, strict=True), strict=True)
    }


def settle(town: Town) -> dict[str, float]:
    """Let so many people come for the first time; returns what each of them costs."""
    keep_what_is_loaded()  # as a gateway does
    town.folder.mkdir()
    return uvloop.run(_settle(town))


def visit(town: Town, nth: int) -> dict[str, Cost]:
    """Let some of them come again; returns what each of them costs."""
    keep_what_is_loaded()
    return uvloop.run(_visit(town, nth))


def _alone(measured: Callable[..., T], *arguments: object) -> T:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(measured, *arguments).result()


def _least(rounds: Sequence[dict[str, Cost]]) -> dict[str, float]:
    """Return the cheapest round of each kind: what else goes on on a machine only adds."""
    figures: dict[str, float] = {}
    for kind in rounds[0]:
        least = min((each[kind] for each in rounds), key=lambda cost: cost.cpu_us)
        figures |= {f"{kind}_us_per_person": least.wall_us}
        figures |= {f"{kind}_cpu_us_per_person": least.cpu_us}
    return figures


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
        return AgentId(f"agent-{role}-of-{person.id}")

    async def find_session(self, agent: AgentId, conversation: Conversation) -> SessionId | None:
        self.calls += 1
        return None

    async def create_session(self, agent: AgentId, conversation: Conversation) -> SessionId:
        self.calls += 1
        return SessionId(f"conv-{agent}")


async def _settle(town: Town) -> dict[str, float]:
    raw = await _raw(town.folder / "raw.db", min(town.people, 2_000))
    store, host = SqliteStore(town.store), CountingHost()
    await store.open()
    try:
        constellation = _constellation(store, host)
        before = _rss_bytes()
        first = await _contacts(range(town.people), constellation)
        resident = _rss_bytes() - before
    finally:
        await store.close()
    return {
        "raw_commits_us_per_agent": raw.wall_us,
        "settling_us_per_person": first.wall_us,
        "settling_cpu_us_per_person": first.cpu_us,
        "rss_bytes_per_person": round(resident / town.people),
        "agents_made": host.made,
        "host_calls_on_first_contact": host.calls,
    }


async def _visit(town: Town, nth: int) -> dict[str, Cost]:
    """Return what people cost who were forgotten, who are remembered, who are new; SQLite alone."""
    store, host = SqliteStore(town.store), CountingHost()
    await store.open()
    try:
        await _contacts(_sample(-1 - nth, town.people), _constellation(store, host))
        constellation, some = _constellation(store, host), _sample(nth, town.people)
        forgotten = await _contacts(some, constellation)
        known = await _contacts(some, constellation)
        assert host.calls == 0  # noqa: S101 - who comes again costs no call to the host
        newest = town.people + nth * SAMPLE
        new = await _contacts(range(newest, newest + SAMPLE), constellation)
    finally:
        await store.close()
    return {
        "first_contact": new,
        "second_contact_in_cache": known,
        "second_contact_from_store": forgotten,
        "raw_reads": _raw_reads(town.store, some),
    }


def _constellation(store: SqliteStore, host: CountingHost) -> AgentConstellation:
    options = ConstellationOptions(settle_seconds=0)
    return AgentConstellation(store.people, host, SystemClock(), options)


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


def _raw_reads(path: Path, people: Sequence[int]) -> Cost:
    """Return what SQLite alone takes to find a person's agents: deeper trees, more steps."""
    asked = [(turn.conversation.id, turn.person) for turn in (_turn(nth, "") for nth in people)]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(CONTACTS, asked[0]).fetchall()  # opens the file
        since, cpu_since = time.perf_counter(), time.process_time()
        for one in asked:
            connection.execute(CONTACTS, one).fetchall()
        return _cost(since, cpu_since, len(people))


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
