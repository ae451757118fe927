"""Circles while a platform or the store does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

import pytest

from gateway.domain.circles import Circle
from gateway.domain.people import Identity
from gateway.errors import RetryLater, StoreUnavailable
from gateway.rights.circles import Circles

ADA = Identity("discord", "discord", "1")
STAFF = "discord:7:@70"


class Away:
    """A platform that does not answer, in one way or another."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.asked = 0

    async def ask(self, identity: Identity, circles: Sequence[Circle]) -> Collection[str]:
        self.asked += 1
        raise self.error


async def test_a_platform_that_does_not_answer_is_asked_again_after_some_seconds() -> None:
    away = Away(RetryLater("It is away."))
    circles = Circles({STAFF}, away.ask)
    for _ in range(3):
        with pytest.raises(RetryLater, match="It is away"):
            await circles.of(ADA)
        await asyncio.sleep(1)
    soon = away.asked
    await asyncio.sleep(3)
    with pytest.raises(RetryLater):
        await circles.of(ADA)

    assert (soon, away.asked) == (1, 2)


async def test_a_store_that_does_not_answer_is_no_answer_and_is_asked_at_once_again() -> None:
    away = Away(StoreUnavailable("The database can not be read."))
    circles = Circles({STAFF}, away.ask)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await circles.of(ADA)
        with pytest.raises(StoreUnavailable):
            await circles.surely_of(ADA)

    assert away.asked == 4


async def test_who_is_not_known_to_be_in_a_circle_counts_as_in_none() -> None:
    assert await Circles({STAFF}, Away(RetryLater("It is away.")).ask).surely_of(ADA) == frozenset()
