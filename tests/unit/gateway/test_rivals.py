"""Whose a post of our bot is: ours however late it is heard, and everybody else's is a rival's."""

from __future__ import annotations

import pytest

from gateway.domain.deliveries import Delivery, number_in
from gateway.rivals import Rivals
from storage.memory import MemoryStore
from tests.contracts.store.words import at, place, post, send_all
from tests.fakes.crashing import Asked, around
from tests.fakes.virtual_time import LoopClock


class House:
    """A deployment: a database, and what it notices of others."""

    def __init__(self) -> None:
        self.asked = Asked()
        self.store = around(MemoryStore(), "store", self.asked)
        self._rivals = Rivals(self.store.deliveries, self.store.leases, LoopClock())

    async def sends(self, count: int, seconds: float = 0) -> list[Delivery]:
        """Send so many posts, and return them as they stand."""
        new = [post(f"d{number}", channel=f"c{number % 3}") for number in range(count)]
        await self.store.deliveries.enqueue(new, at(seconds))
        await send_all(self.store, seconds)
        found = [await self.store.deliveries.get(one.id) for one in new]
        return [one for one in found if one is not None]

    async def has_noticed(self, nonce: str) -> bool:
        """Hear a post with this nonce; whether a rival is told of now."""
        await self._rivals.heard_own(place("elsewhere"), nonce)
        return await self.store.leases.held("fake rival") is not None


async def test_posts_that_are_heard_late_are_still_ours() -> None:
    house = House()
    posts = await house.sends(600)

    noticed = [await house.has_noticed(one.nonce) for one in posts]

    assert len(posts) == 600
    assert not any(noticed)


async def test_a_post_costs_one_question_for_one_delivery() -> None:
    house = House()
    posts = await house.sends(100)
    house.asked.names.clear()

    await house.has_noticed(posts[0].nonce)

    assert house.asked.names[:-1] == ["store.deliveries.numbered"]


@pytest.mark.parametrize("count", [1, 5])
async def test_a_rival_with_the_same_ids_and_numbers_is_noticed(count: int) -> None:
    ours, theirs = House(), House()
    await ours.sends(3)
    rivals = await theirs.sends(count, seconds=0.001)

    assert await ours.has_noticed(rivals[-1].nonce)


async def test_a_copy_of_the_database_that_goes_on_alone_is_noticed() -> None:
    ours, copy = House(), House()
    for house in (ours, copy):
        await house.sends(3)
    await copy.store.deliveries.enqueue([post("d3")], at(9))
    newest = await copy.store.deliveries.get("d3")

    assert newest is not None
    assert await ours.has_noticed(newest.nonce)


@pytest.mark.parametrize("nonce", ["1234567890123456789012", "", "short", "é" * 22, "*" * 22])
async def test_what_no_postern_made_says_nothing(nonce: str) -> None:
    house = House()

    assert number_in(nonce) is None
    assert not await house.has_noticed(nonce)
    assert house.asked.names == ["store.leases.held"]
