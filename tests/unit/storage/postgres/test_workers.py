"""Several workers on one database: no lane twice at a time, nothing lost, order kept."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

import pytest

from gateway.domain.ids import WorkerId
from gateway.domain.turns import Turn
from gateway.errors import Fenced
from storage.postgres import PoolOptions, PostgresStore
from tests.contracts.store.words import (
    LEASE,
    PLATFORM,
    ROUTE,
    at,
    done,
    events,
    message,
    part,
    post,
    say,
    sent_as,
)
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.postgres import postgres_schema
from tests.unit.storage.postgres.invariants import check_invariants

LANES, EACH = 12, 20
WORKERS = [WorkerId(f"worker-{n}") for n in range(3)]


@pytest.fixture
async def url() -> AsyncGenerator[str]:
    async with postgres_schema() as url:
        yield url


@pytest.fixture
async def stores(url: str) -> AsyncGenerator[list[PostgresStore]]:
    async with AsyncExitStack() as stack:
        stores = [PostgresStore(url, PoolOptions(4)) for _ in WORKERS]
        for store in stores:
            await store.open()
            stack.push_async_callback(store.close)
        yield stores


class Watch:
    """Sees all turns and posts of all workers."""

    def __init__(self) -> None:
        self.running: set[str] = set()
        self.heard: dict[str, list[str]] = defaultdict(list)
        self.sending: set[str] = set()
        self.shown: dict[str, list[str]] = defaultdict(list)
        self.turns = 0
        self.is_over = asyncio.Event()

    def begins(self, turn: Turn) -> None:
        assert turn.ref.lane not in self.running
        self.running.add(turn.ref.lane)
        self.heard[turn.ref.lane] += events(turn)

    def ends(self, turn: Turn) -> None:
        self.running.discard(turn.ref.lane)
        self.turns += 1

    def check(self) -> None:
        is_heard = sum(map(len, self.heard.values())) == LANES * EACH
        if is_heard and sum(map(len, self.shown.values())) == self.turns:
            self.is_over.set()


async def _say_all(stores: list[PostgresStore]) -> None:
    async def one_person(lane: int) -> None:
        for n in range(EACH):
            said = message(f"{lane}-{n:03}", user=f"user{lane}", channel=f"c{lane}")
            await stores[n % 3].turns.accept(said, ROUTE, at(0))

    await asyncio.gather(*(one_person(lane) for lane in range(LANES)))


async def _think(store: PostgresStore, worker: WorkerId, watch: Watch) -> None:
    while not watch.is_over.is_set():
        claim = await store.turns.claim(worker, 3, LEASE, at(0))
        for turn in claim.turns:
            watch.begins(turn)
        for turn in claim.turns:
            watch.ends(turn)  # before the commit that lets another worker in
            await store.turns.finish(turn.ref, done(part(turn, 0)), at(0))
        watch.check()
        await asyncio.sleep(0)


async def _send(store: PostgresStore, worker: WorkerId, watch: Watch) -> None:
    while not watch.is_over.is_set():
        claim = await store.deliveries.claim(worker, [PLATFORM], 3, LEASE, at(0))
        for delivery in claim.deliveries:
            place = delivery.conversation.id
            assert place not in watch.sending
            watch.sending.add(place)
        for delivery in claim.deliveries:
            place = delivery.conversation.id
            watch.shown[place].append(delivery.id)
            watch.sending.discard(place)
            await store.deliveries.settle(delivery, sent_as(f"p-{delivery.id}"), at(0))
        watch.check()
        await asyncio.sleep(0)


async def test_three_workers_share_the_work_without_overlap_loss_or_disorder(
    stores: list[PostgresStore], url: str
) -> None:
    watch = Watch()

    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        group.create_task(_say_all(stores))
        for store, worker in zip(stores, WORKERS, strict=True):
            group.create_task(_think(store, worker, watch))
            group.create_task(_send(store, worker, watch))

    assert {len(said) for said in watch.heard.values()} == {EACH}
    assert all(said == sorted(said) for said in watch.heard.values())
    numbers = [[int(d.split("-")[1].split(".")[0]) for d in ids] for ids in watch.shown.values()]
    assert all(place == sorted(place) for place in numbers)
    await check_invariants(url)


async def test_the_same_event_at_all_workers_at_once_is_one_message(
    stores: list[PostgresStore],
) -> None:
    accepted = await asyncio.gather(*(say(store, "e1") for store in stores * 10))

    assert [one.is_new for one in accepted].count(True) == 1
    assert len({(one.sequence, one.person) for one in accepted}) == 1


async def test_a_worker_whose_lease_is_over_changes_nothing(stores: list[PostgresStore]) -> None:
    await say(stores[0], "e1")
    (lost,) = (await stores[0].turns.claim(WORKERS[0], 1, LEASE, at(0))).turns
    assert await stores[1].turns.recover(at(31)) == 1
    (again,) = (await stores[1].turns.claim(WORKERS[1], 1, LEASE, at(31))).turns

    with pytest.raises(Fenced):
        await stores[0].turns.finish(lost.ref, done(part(lost, 0, "late")), at(31))
    lost_too = await stores[0].turns.extend([lost.ref], LEASE, at(31))
    await stores[1].turns.finish(again.ref, done(part(again, 0, "right")), at(31))

    answer = await stores[2].history.answer(message("e1"))
    assert list(lost_too) == [lost.ref]
    assert answer is not None
    assert [entry.text for entry in answer] == ["right"]


async def test_what_one_worker_accepts_wakes_the_others(url: str) -> None:
    async with AsyncExitStack() as stack:
        here, there = PostgresStore(url), PostgresStore(url)
        for store in (here, there):
            await store.open()
            stack.push_async_callback(store.close)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await there.is_listening.wait()
            there.turn_ready.clear()
            there.delivery_ready.clear()

            await say(here, "e1")
            await here.deliveries.enqueue([post("p1")], at(0))

            await there.turn_ready.wait()
            await there.delivery_ready.wait()


async def test_without_listening_all_works_but_the_waking(url: str) -> None:
    async with AsyncExitStack() as stack:
        here, there = PostgresStore(url), PostgresStore(url, is_listening=False)
        for store in (here, there):
            await store.open()
            stack.push_async_callback(store.close)

        await say(here, "e1")

        claim = await there.turns.claim(WORKERS[1], 1, LEASE, at(0))
        assert [events(turn) for turn in claim.turns] == [["e1"]]
        assert not there.turn_ready.is_set()
