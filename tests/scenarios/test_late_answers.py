"""Answers that wait for the agents or for the platform: they say so, or stay where they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta

import pytest

from agents.scripted import Say, Wait
from gateway.domain.dead_letters import DeadDelivery
from gateway.domain.deliveries import DeliveryState, NewDelivery
from gateway.domain.ids import DeliveryId, TurnId
from gateway.domain.messages import InboundMessage
from gateway.errors import OutcomeUnknown, RateLimited
from gateway.freshness import ANSWERS_LATE, Freshness
from gateway.turn_runner import ANSWER_IS_LATE
from storage.memory.store import MemoryStore
from tests.fakes.crashing import CrashPoints
from tests.fakes.hub import FakeHub, FakePerson, HubOptions

_LATE, _UNSENT = 60, 600
_FRESH = Freshness(timedelta(seconds=_LATE), timedelta(seconds=_UNSENT))
_KEPT = "ask me again, or ask the operator of this bot for it."


@pytest.fixture
async def hub() -> AsyncGenerator[FakeHub]:
    """A running hub that counts in minutes what others count in hours."""
    hub = FakeHub(MemoryStore(), options=HubOptions(freshness=_FRESH))
    async with hub.running():
        yield hub


async def test_an_answer_that_waited_for_the_agents_says_so(hub: FakeHub) -> None:
    ada = hub.person("ada")
    hub.agents.go_down()
    await ada.says("hello")
    late = ANSWERS_LATE.format(at=f"{hub.clock.now():%Y-%m-%d at %H:%M} UTC")
    await asyncio.sleep(2 * _LATE)
    hub.agents.will_say("Here I am.")

    hub.agents.come_back()
    await ada.reads(2)

    assert ada.sees == [ANSWER_IS_LATE, f"Here I am.\n\n{late}"]


async def test_old_words_are_answered_as_late_unless_newer_ones_came_with_them(
    hub: FakeHub,
) -> None:
    ada = hub.person("ada")
    hub.agents.will(Wait(5), Say("one"))
    hub.agents.will_say("two")
    await hub.inbox.receive(_old(hub, ada, "a"))
    await asyncio.sleep(1)
    await hub.inbox.receive(_old(hub, ada, "b"))
    await ada.says("c")

    await ada.reads(2)

    assert ada.sees[0].startswith("one\n\n_(late: this answers what was written on ")
    assert ada.sees[1] == "two"


async def test_an_answer_that_waited_for_its_platform_says_so_below_its_last_part(
    hub: FakeHub,
) -> None:
    _keep_away(hub, seconds=2 * _LATE)
    hub.agents.will_say("x" * 2_500)
    ada = hub.person("ada")
    await ada.says("hello")

    first, last = await ada.reads(2)

    assert first == "x" * 2_000
    assert last.startswith("x" * 500 + "\n\n_(sent late: this was ready on ")


async def test_an_answer_that_waited_for_less_says_nothing(hub: FakeHub) -> None:
    _keep_away(hub, seconds=_LATE - 5)
    hub.agents.will_say("one")
    ada = hub.person("ada")
    await ada.says("hello")

    assert await ada.reads() == ["one"]


async def test_what_waited_for_too_long_is_kept_and_its_place_told_once(hub: FakeHub) -> None:
    _keep_away(hub, seconds=_UNSENT + _LATE)
    ada = hub.person("ada")
    for said in ("one", "two", "three"):
        hub.agents.will_say(said)
        await ada.says(said)
        await asyncio.sleep(5)

    await ada.reads()
    await asyncio.sleep(_UNSENT)

    (told,) = ada.sees
    assert told.endswith(_KEPT)
    kept = await hub.store.dead_letters.page(10)
    assert [letter.text for letter in kept] == ["one", "two", "three"]
    assert all("It waited since" in letter.error for letter in kept)


async def test_what_was_kept_can_be_sent_all_the_same(hub: FakeHub) -> None:
    _keep_away(hub, seconds=_UNSENT)
    hub.agents.will_say("one")
    ada = hub.person("ada")
    await ada.says("hello")
    await ada.reads()
    (letter,) = await hub.store.dead_letters.page(10)
    assert isinstance(letter, DeadDelivery)

    await hub.store.dead_letters.resend(letter, hub.clock.now())

    assert (await ada.reads(2))[1] == "one"


async def test_a_late_post_whose_receipt_was_lost_stands_once(hub: FakeHub) -> None:
    _keep_away(hub, seconds=2 * _LATE)
    hub.platform.faults.after.append(OutcomeUnknown("connection cut"))
    hub.agents.will_say("one")
    ada = hub.person("ada")
    await ada.says("hello")
    await ada.reads()

    await asyncio.sleep(_LATE)

    assert len(ada.sees) == 1
    stored = await hub.store.deliveries.get(DeliveryId("turn-1.0"))
    assert stored is not None
    assert stored.state is DeliveryState.SENT


async def test_what_is_found_there_is_brought_up_to_date_however_old_it_is() -> None:
    hub = FakeHub(MemoryStore(), options=HubOptions(freshness=_FRESH))
    hub.platform.faults.after.append(OutcomeUnknown("connection cut"))
    ada, deliveries = hub.person("ada"), hub.store.deliveries
    part = NewDelivery(DeliveryId("turn-9.0"), ada.conversation, "one", turn=TurnId("turn-9"))
    async with hub.running():
        await deliveries.enqueue([part], hub.clock.now())
        await ada.reads()
    await asyncio.sleep(2 * _UNSENT)
    await deliveries.revise(part.id, "two", (), hub.clock.now())

    async with hub.running():
        await hub.platform.until(lambda: ada.sees == ["two"])


async def test_a_crash_at_any_moment_keeps_one_and_tells_once() -> None:
    moments = await _crashed_after_its_time(None)

    for at in range(1, moments + 1):
        await _crashed_after_its_time(at)

    assert moments > 8


async def _crashed_after_its_time(at: int | None) -> int:
    """Start over an answer that waited for too long, die at a moment, and start again.

    Returns how many moments there are.
    """
    hub = FakeHub(MemoryStore(), options=HubOptions(freshness=_FRESH))
    hub.agents.will_say("one")
    ada, points = hub.person("ada"), CrashPoints(at)
    async with hub.running():
        _keep_away(hub, seconds=_UNSENT)
        await ada.says("hello")
        await asyncio.sleep(5)
    await asyncio.sleep(_UNSENT)
    if at is not None:
        await hub.until_crash(points)
    hub.record(points if at is None else CrashPoints())
    async with hub.running():
        await ada.reads()
        passed = len(points.passed)
        await asyncio.sleep(_LATE)
    assert len(ada.sees) == 1, at
    assert ada.sees[0].endswith(_KEPT), at
    assert [letter.text for letter in await hub.store.dead_letters.page(10)] == ["one"], at
    return passed


def _keep_away(hub: FakeHub, *, seconds: float) -> None:
    """Let the platform turn the next post away, and ask for a long wait."""
    hub.platform.faults.before.append(RateLimited("down", retry_after_seconds=seconds))


def _old(hub: FakeHub, person: FakePerson, text: str) -> InboundMessage:
    written = hub.clock.now() - timedelta(seconds=2 * _LATE)
    return replace(hub.message(person, text), sent_at=written)
