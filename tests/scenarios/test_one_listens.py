"""Processes that share a store: one of them has a place, and another one takes over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest

from gateway.domain.ids import WorkerId
from gateway.domain.leases import Lease
from gateway.errors import SettingsWrong, StoreUnavailable
from gateway.place import Place
from gateway.ports import Accept, Adapter, Health
from gateway.single_ear import SingleEar
from storage.memory import MemoryStore
from tests.fakes.platform import FakeAdapter, FakePlatform
from tests.fakes.virtual_time import LoopClock


class Line:
    """A process's way to the store: cut when a test says so."""

    def __init__(self, store: MemoryStore) -> None:
        self._leases = store.leases
        self.is_cut = False

    async def take(
        self, place: str, holder: WorkerId, now: datetime, length: timedelta
    ) -> Lease | None:
        self._check()
        return await self._leases.take(place, holder, now, length)

    async def let_go(self, place: str, lease: Lease, now: datetime) -> None:
        self._check()
        await self._leases.let_go(place, lease, now)

    def _check(self) -> None:
        if self.is_cut:
            raise StoreUnavailable("the line is cut")


class Process:
    """Does its work where it has the place; notes on the wall when it begins and ends."""

    def __init__(self, name: str, store: MemoryStore, wall: list[str]) -> None:
        self.line = Line(store)
        self.place = Place("ear", WorkerId(name), self.line, LoopClock())
        self._name = name
        self._wall = wall

    async def work(self) -> None:
        self._wall.append(f"{self._name} begins")
        try:
            await asyncio.Event().wait()
        finally:
            self._wall.append(f"{self._name} ends")

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.place.run(self.work))
            yield
            task.cancel()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


async def test_one_of_two_works_and_the_other_takes_over_when_it_stops(store: MemoryStore) -> None:
    wall: list[str] = []
    ada, bob = Process("ada", store, wall), Process("bob", store, wall)

    async with asyncio.TaskGroup() as group:
        first = group.create_task(ada.place.run(ada.work))
        await asyncio.sleep(1)
        second = group.create_task(bob.place.run(bob.work))
        await asyncio.sleep(300)
        assert wall == ["ada begins"]
        first.cancel()
        await asyncio.sleep(11)
        assert wall == ["ada begins", "ada ends", "bob begins"]
        second.cancel()


async def test_the_place_moves_within_a_minute_and_never_belongs_to_two(store: MemoryStore) -> None:
    wall: list[str] = []
    ada, bob = Process("ada", store, wall), Process("bob", store, wall)

    async with ada.running():
        await asyncio.sleep(1)
        async with bob.running():
            await asyncio.sleep(95)
            ada.line.is_cut = True
            await asyncio.sleep(60)

    assert wall[:3] == ["ada begins", "ada ends", "bob begins"]
    assert bob.place.lease is None
    lease = await store.leases.held("ear")
    assert lease is not None
    assert (lease.holder, lease.fence) == ("bob", 2)


async def test_a_short_trouble_of_the_store_moves_nothing(store: MemoryStore) -> None:
    wall: list[str] = []
    ada, bob = Process("ada", store, wall), Process("bob", store, wall)

    async with ada.running():
        await asyncio.sleep(1)
        async with bob.running():
            ada.line.is_cut = True
            await asyncio.sleep(15)
            ada.line.is_cut = False
            await asyncio.sleep(300)
            assert wall == ["ada begins"]


async def test_a_stopped_process_leaves_the_place_at_once(store: MemoryStore) -> None:
    wall: list[str] = []
    ada = Process("ada", store, wall)

    async with ada.running():
        await asyncio.sleep(1)

    lease = await store.leases.take("ear", WorkerId("bob"), LoopClock().now(), timedelta(seconds=9))
    assert (wall, lease and lease.fence) == (["ada begins", "ada ends"], 2)


async def test_what_the_work_raises_is_raised_and_the_place_is_free(store: MemoryStore) -> None:
    place = Place("ear", WorkerId("ada"), store.leases, LoopClock())

    async def fail() -> None:
        raise SettingsWrong("the token is wrong")

    with pytest.raises(SettingsWrong, match="token"):
        await place.run(fail)

    lease = await store.leases.held("ear")
    assert lease is not None
    assert lease.is_over(LoopClock().now())


class Ear(FakeAdapter):
    """Connected while it runs."""

    is_open = False

    async def run(self, accept: Accept) -> None:
        self.is_open = True
        try:
            await asyncio.Event().wait()
        finally:
            self.is_open = False

    def health(self) -> Health:
        return Health(is_ready=self.is_open, sentence="It listens.")


def single_ear(name: str, store: MemoryStore) -> tuple[Adapter, Ear]:
    ear = Ear(FakePlatform())
    place = Place("ear", WorkerId(name), store.leases, LoopClock())
    return SingleEar(FakeAdapter(FakePlatform()), ear, place), ear


async def never(_: object) -> None:
    raise AssertionError("nothing is said here")


async def test_both_write_one_listens_and_both_say_so(store: MemoryStore) -> None:
    (first, first_ear), (second, second_ear) = single_ear("a", store), single_ear("b", store)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(adapter.run(never)) for adapter in (first, second)]
        await asyncio.sleep(1)
        assert (first_ear.is_open, second_ear.is_open) == (True, False)
        assert first.health().sentence == "It listens."
        assert second.health().is_ready
        assert "Another process listens" in second.health().sentence
        tasks[0].cancel()
        await asyncio.sleep(15)
        assert (first_ear.is_open, second_ear.is_open) == (False, True)
        tasks[1].cancel()
