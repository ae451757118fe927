"""What a day may cost is asked before a model is called."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from agents.scripted import Ask, Cost, Fail, Say
from gateway.budgets import BudgetPolicy, Limits
from gateway.commands.command import ELSEWHERE
from gateway.domain.messages import MessageKind
from gateway.domain.people import Route, person_id_of
from gateway.domain.tools import ToolCall
from gateway.domain.usage import Spent
from storage.memory.store import MemoryStore
from tests.fakes.hub import FakeHub, FakePerson, HubOptions

DAY = 24 * 3600
UNLIMITED = "fake:w1:root"
POLICY = BudgetPolicy(
    person=Limits(turns=5, tokens=1_000),
    schedule=Limits(turns=1),
    unlimited=frozenset({UNLIMITED}),
)


@pytest.fixture
async def thrifty() -> AsyncGenerator[FakeHub]:
    """A hub where a day may cost little."""
    hub = FakeHub(MemoryStore(), options=HubOptions(budgets=POLICY))
    async with hub.running():
        yield hub


async def _spent(hub: FakeHub, person: FakePerson) -> Spent:
    identity = hub.message(person, "").sender.identity
    return await hub.store.usage.of_person(person_id_of(identity), hub.clock.now().date())


async def _wake(hub: FakeHub, person: FakePerson, event_id: str) -> None:
    plain = hub.message(person, "time to look", event_id)
    wakeup = type(plain)(
        event_id=event_id,
        conversation=plain.conversation,
        sender=plain.sender,
        text=plain.text,
        sent_at=plain.sent_at,
        kind=MessageKind.WAKEUP,
    )
    await hub.store.turns.accept(wakeup, Route("postern"), hub.clock.now())
    await asyncio.sleep(2)


async def test_turns_are_put_down_with_what_their_rounds_used(thrifty: FakeHub) -> None:
    call = ToolCall("c1", "current_time", "{}")
    thrifty.agents.will(Cost(100), Ask((call,)))
    thrifty.agents.will(Say("Noon."), Cost(11))
    ada = thrifty.person("ada")

    await ada.says("what time is it?")
    await ada.reads()

    assert await _spent(thrifty, ada) == Spent(1, 111)


async def test_a_person_over_budget_reaches_no_model_and_is_told_why(thrifty: FakeHub) -> None:
    ada, bob = thrifty.person("ada"), thrifty.person("bob")
    thrifty.agents.will(Say("dear"), Cost(1_200))
    await ada.says("one")
    await ada.reads(2)

    await ada.says("two")
    await bob.says("three")
    _, warning, refusal = await ada.reads(3)
    await bob.reads()

    assert warning.startswith("_You have used 95 % of your budget for today.")
    assert refusal.startswith("Your budget for today is used up (1,200 of 1,000 tokens).")
    assert thrifty.agents.runs_started == 2


async def test_the_next_day_begins_anew(thrifty: FakeHub) -> None:
    ada = thrifty.person("ada")
    thrifty.agents.will(Say("dear"), Cost(1_200))
    await ada.says("one")
    await ada.reads(2)
    thrifty.agents.will_say("fresh")

    await asyncio.sleep(DAY)
    await ada.says("two")

    assert (await ada.reads(3))[-1] == "fresh"


async def test_people_are_warned_once_at_each_mark(thrifty: FakeHub) -> None:
    ada = thrifty.person("ada")
    for number in range(1, 6):
        await ada.says(f"message {number}")
        await asyncio.sleep(2)

    warnings = [seen for seen in ada.sees if "% of your budget" in seen]
    assert ["80 %" in warnings[0], "95 %" in warnings[1], len(warnings)] == [True, True, 2]


async def test_who_has_no_limit_is_never_stopped(thrifty: FakeHub) -> None:
    root = thrifty.person("root")
    for number in range(8):
        await root.says(f"message {number}")
        await asyncio.sleep(2)

    assert thrifty.agents.runs_started == 8
    assert len(root.sees) == 8


async def test_a_wakeup_over_its_schedules_budget_costs_and_says_nothing(
    thrifty: FakeHub,
) -> None:
    ada = thrifty.person("ada")
    thrifty.agents.will_say("Good morning!")
    await _wake(thrifty, ada, "daily@2026-01-05T09:00:00+00:00")

    await _wake(thrifty, ada, "daily@2026-01-05T10:00:00+00:00")

    assert ada.sees == ["Good morning!"]
    assert thrifty.agents.runs_started == 1


async def test_a_failed_turn_counts_too(thrifty: FakeHub) -> None:
    ada = thrifty.person("ada")
    thrifty.agents.will(Fail("llm_error"))

    await ada.says("hello")
    await ada.reads()

    assert await _spent(thrifty, ada) == Spent(1, 0)


async def test_usage_tells_what_was_spent_to_its_person_alone(thrifty: FakeHub) -> None:
    ada = thrifty.person("ada")
    thrifty.agents.will(Say("hi"), Cost(210))
    await ada.says("hello")
    await ada.reads()

    await ada.says("/usage")
    assert (await ada.reads(2))[-1] == ELSEWHERE
    await thrifty.inbox.receive(replace(thrifty.message(ada, "/usage"), is_private=True))

    answer = (await ada.reads(3))[-1]
    assert answer == "Today (UTC) your agents have run 1 turns and used 210 tokens."
