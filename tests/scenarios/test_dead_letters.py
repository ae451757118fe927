"""What was given up can be done again once its cause is mended."""

from __future__ import annotations

import asyncio

import pytest

from agents.scripted import Fail
from gateway.dead_letters import DeadLetters
from gateway.errors import BadInput, DeliveryRefused
from tests.fakes.hub import FakeHub


def _desk(hub: FakeHub) -> DeadLetters:
    return DeadLetters(hub.store, hub.routes, hub.clock)


async def test_a_failed_turn_is_answered_when_it_is_replayed(hub: FakeHub) -> None:
    hub.agents.will(Fail("llm_error", "the model has no money left."))
    ada = hub.person("ada")
    await ada.says("What is two and two?")
    (sorry,) = await ada.reads()
    (letter,) = await _desk(hub).page(10)
    hub.agents.will_say("Four.")

    await _desk(hub).replay(letter)
    await _desk(hub).replay(letter)

    assert await ada.reads(2) == [sorry, "Four."]
    assert await _desk(hub).page(10) == []
    await asyncio.sleep(60)
    assert ada.sees == [sorry, "Four."]


async def test_a_refused_message_goes_out_when_it_is_replayed(hub: FakeHub) -> None:
    ada = hub.person("ada")
    hub.platform.faults.before.append(DeliveryRefused("The bot was thrown out."))
    hub.agents.will_say("Hello, Ada.")
    await ada.says("hi")
    await asyncio.sleep(1)
    (letter,) = await _desk(hub).page(10)

    await _desk(hub).replay(letter)

    assert await ada.reads() == ["Hello, Ada."]
    assert await _desk(hub).page(10) == []


async def test_an_unknown_dead_letter_is_refused(hub: FakeHub) -> None:
    with pytest.raises(BadInput, match='no dead letter "turn-99"'):
        await _desk(hub).get("turn-99")
