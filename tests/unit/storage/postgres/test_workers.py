"""Several workers on one database: no lane twice at a time, nothing lost, order kept."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from gateway.domain.ids import PersonId, WorkerId
from gateway.domain.people import Route, person_id_of
from gateway.domain.turns import Turn
from gateway.errors import Fenced
from storage.postgres import PoolOptions, PostgresStore
from storage.postgres.claims import HOLD_PEOPLE
from storage.postgres.client import connect
from tests.contracts.store.words import (
    LEASE,
    PLATFORM,
    ROUTE,
    at,
    done,
    events,
    identity,
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
ROUNDS, SEATS = 12, 2
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


async def test_workers_that_claim_at_once_give_no_seat_of_a_person_twice(
    stores: list[PostgresStore],
) -> None:
    for n in range(ROUNDS * SEATS):
        asked = message(f"e{n:02}")
        await stores[n % 3].turns.accept(asked, Route(f"role{n:02}"), at(n / 100))
    seen: list[str] = []

    for _ in range(ROUNDS):
        claims = await asyncio.gather(*(_claim_until_full(*one) for one in _each(stores)))
        turns = [turn for claimed in claims for turn in claimed]
        seen += [event for turn in turns for event in events(turn)]
        assert len(turns) == SEATS
        for turn in turns:
            await stores[0].turns.finish(turn.ref, done(part(turn, 0)), at(1))

    assert sorted(seen) == [f"e{n:02}" for n in range(ROUNDS * SEATS)]


def _each(stores: list[PostgresStore]) -> Iterable[tuple[PostgresStore, WorkerId]]:
    return zip(stores, WORKERS, strict=True)


async def _claim_until_full(store: PostgresStore, worker: WorkerId) -> list[Turn]:
    """Claim as a dispatcher does, as long as it is worth it."""
    turns: list[Turn] = []
    while True:
        claim = await store.turns.claim(worker, 100, LEASE, at(1), SEATS)
        turns += claim.turns
        if claim.next_ready_at is None:
            return turns


async def test_a_claim_that_stands_still_holds_up_nobody_but_its_people(
    stores: list[PostgresStore], url: str
) -> None:
    await say(stores[0], "ada")
    await stores[0].turns.accept(message("bob", user="bob"), ROUTE, at(0))
    async with claim_that_stands_still(url, person_id_of(identity())):
        claim = await stores[1].turns.claim(WORKERS[1], 10, LEASE, at(0), SEATS)

    assert [events(turn) for turn in claim.turns] == [["bob"]]
    assert claim.next_ready_at is not None
    assert claim.next_ready_at > at(0), "nobody spins until the other one is done"


@asynccontextmanager
async def claim_that_stands_still(url: str, person: PersonId) -> AsyncGenerator[None]:
    """Hold what a claim for this person holds."""
    connection = await connect(url)
    try:
        async with connection.transaction():
            await connection.fetch(HOLD_PEOPLE, [person])
            yield
    finally:
        await connection.close()


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
