"""What processes settle among themselves: who has a place, and what waits for its door."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from gateway.domain.handed import DISCORD, SLACK, Handed
from gateway.domain.ids import WorkerId
from gateway.domain.leases import Lease
from gateway.ports import Store
from tests.contracts.store.words import at

LENGTH = timedelta(seconds=30)
ADA, BOB = WorkerId("ada"), WorkerId("bob")
PLACE = "discord"


async def test_a_place_has_one_holder_until_its_lease_is_over(store: Store) -> None:
    assert await store.leases.held(PLACE) is None

    first = await store.leases.take(PLACE, ADA, at(0), LENGTH)
    refused = await store.leases.take(PLACE, BOB, at(29), LENGTH)
    second = await store.leases.take(PLACE, BOB, at(30), LENGTH)

    assert (first, refused, second) == (Lease(ADA, 1, at(30)), None, Lease(BOB, 2, at(60)))
    assert await store.leases.held(PLACE) == second
    assert await store.leases.take(PLACE, ADA, at(31), LENGTH) is None


async def test_a_holder_keeps_its_fence_also_when_it_is_late(store: Store) -> None:
    await store.leases.take(PLACE, ADA, at(0), LENGTH)

    renewed = await store.leases.take(PLACE, ADA, at(10), LENGTH)
    late = await store.leases.take(PLACE, ADA, at(100), LENGTH)

    assert (renewed, late) == (Lease(ADA, 1, at(40)), Lease(ADA, 1, at(130)))


async def test_a_place_that_is_let_go_is_taken_at_once(store: Store) -> None:
    first = await store.leases.take(PLACE, ADA, at(0), LENGTH)
    assert first is not None
    await store.leases.let_go(PLACE, first, at(1))

    second = await store.leases.take(PLACE, BOB, at(1), LENGTH)
    await store.leases.let_go(PLACE, first, at(2))

    assert second == Lease(BOB, 2, at(31))
    assert await store.leases.held(PLACE) == second


async def test_places_do_not_know_of_each_other(store: Store) -> None:
    first = await store.leases.take("one", ADA, at(0), LENGTH)
    second = await store.leases.take("two", BOB, at(0), LENGTH)

    assert (first, second) == (Lease(ADA, 1, at(30)), Lease(BOB, 1, at(30)))


async def test_of_many_that_want_a_place_at_once_one_gets_it(store: Store) -> None:
    wishes = [
        store.leases.take(PLACE, WorkerId(f"worker-{number}"), at(0), LENGTH)
        for number in range(12)
    ]

    taken = [lease for lease in await asyncio.gather(*wishes) if lease is not None]

    assert len(taken) == 1


def request(text: str) -> Handed:
    return Handed(SLACK, (("content-type", "application/json"), ("x-é", "ü")), text.encode())


async def test_requests_wait_in_the_order_in_which_they_came(store: Store) -> None:
    for text in ("one", "two", "three"):
        await store.handed.keep(request(text), at(0))

    two = await store.handed.oldest(SLACK, 2)
    await store.handed.drop([each.number for each in two])
    rest = await store.handed.oldest(SLACK, 10)

    assert [each.handed for each in two] == [request("one"), request("two")]
    assert [each.handed for each in rest] == [request("three")]


async def test_a_dropped_requests_number_is_never_given_again(store: Store) -> None:
    await store.handed.keep(request("one"), at(0))
    (one,) = await store.handed.oldest(SLACK, 1)
    await store.handed.drop([one.number])

    await store.handed.keep(request("two"), at(1))

    (two,) = await store.handed.oldest(SLACK, 1)
    assert two.number > one.number


async def test_requests_for_one_door_are_not_in_the_way_of_another(store: Store) -> None:
    await store.handed.keep(request("slack"), at(0))
    await store.handed.keep(Handed(DISCORD, (), b"discord"), at(1))

    (kept,) = await store.handed.oldest(DISCORD, 1)

    assert kept.handed == Handed(DISCORD, (), b"discord")


async def test_a_body_of_any_bytes_is_kept_as_it_is(store: Store) -> None:
    body = bytes(range(256)) * 8

    await store.handed.keep(Handed(SLACK, (), body), at(0))

    (kept,) = await store.handed.oldest(SLACK, 1)
    assert kept.handed == Handed(SLACK, (), body)
