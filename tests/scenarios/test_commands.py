"""Commands: answered by the gateway, beside whatever the agent is doing."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from agents.scripted import Cost, Fail, Say, Wait
from gateway.budgets import BudgetPolicy, Limits
from gateway.commands import SPECS
from gateway.domain.messages import MessageKind
from storage.memory.store import MemoryStore
from tests.fakes.hub import FakeHub, FakePerson, HubOptions


async def _commands(person: FakePerson, text: str, *, is_private: bool = False) -> None:
    message = person.hub.message(person, text)
    command = replace(message, kind=MessageKind.COMMAND, is_private=is_private)
    await person.hub.inbox.receive(command)


async def test_a_command_is_answered_without_the_agent(hub: FakeHub) -> None:
    ada = hub.person("ada")

    await _commands(ada, "whoami")

    assert "`fake:w1:ada`" in (await ada.reads())[0]
    assert hub.agents.runs_started == 0


async def test_a_command_typed_as_text_is_one_and_other_slashes_are_not(hub: FakeHub) -> None:
    ada = hub.person("ada")
    hub.agents.will_say("A path, I see.")

    await ada.says("/whoami")
    await ada.reads(1)
    await ada.says("/etc/hosts is a file")

    assert "`fake:w1:ada`" in (await ada.reads(2))[0]
    assert ada.sees[1] == "A path, I see."


async def test_an_unknown_command_is_told_where_to_look(hub: FakeHub) -> None:
    ada = hub.person("ada")

    await _commands(ada, "dance wildly")

    assert await ada.reads() == ['There is no command "dance". `help` lists those that there are.']


async def test_cancel_stops_the_running_turn_and_keeps_what_was_said(hub: FakeHub) -> None:
    ada = hub.person("ada")
    hub.agents.will(Say("Thinking about it."), Wait(1000), Say("Too late."))
    await ada.says("work hard")
    await asyncio.sleep(5)

    await _commands(ada, "cancel")
    seen = await ada.reads(2)
    hub.agents.will_say("Next.")
    await ada.says("go on")

    assert set(seen) == {"Thinking about it.", "Stopped."}
    assert (await ada.reads(3))[2] == "Next."


async def test_cancel_with_nothing_running_says_so(hub: FakeHub) -> None:
    ada = hub.person("ada")

    await _commands(ada, "cancel")

    assert await ada.reads() == ["Nothing is running for you right now."]


async def test_one_person_can_not_stop_anothers_turn(hub: FakeHub) -> None:
    ada, mallory = hub.person("ada"), hub.person("mallory")
    hub.agents.will_say("Still here.", after=60)
    await ada.says("work hard")
    await asyncio.sleep(5)

    await _commands(mallory, "cancel")

    assert await mallory.reads() == ["Nothing is running for you right now."]
    assert await ada.reads() == ["Still here."]


async def test_status_tells_a_person_their_own_last_failure_and_nobody_else(hub: FakeHub) -> None:
    ada, bob = hub.person("ada"), hub.person("bob")
    hub.agents.will(Fail("llm_error", "the model is confused."))
    await ada.says("hello")
    sorry = (await ada.reads())[0]

    await _commands(ada, "status", is_private=True)
    await _commands(bob, "status", is_private=True)

    assert sorry in (await ada.reads(2))[1]
    assert "failed turn" not in (await bob.reads())[0]


async def test_status_tells_how_much_of_the_budget_is_used() -> None:
    policy = BudgetPolicy(person=Limits(turns=5, tokens=1_000))
    hub = FakeHub(MemoryStore(), options=HubOptions(budgets=policy))
    async with hub.running():
        ada = hub.person("ada")
        hub.agents.will(Say("Hello."), Cost(120))
        await ada.says("hello")
        await ada.reads()
        await _commands(ada, "status", is_private=True)
        told = (await ada.reads(2))[1]

    assert "- Your budget today: 1 of 5 turns, 120 of 1,000 tokens." in told


@pytest.mark.parametrize("command", ["usage", "schedule", "schedule list", "schedule show 1a2b3c"])
async def test_what_a_person_has_planned_and_used_is_told_to_them_alone(
    hub: FakeHub, command: str
) -> None:
    ada = hub.person("ada")
    hub.agents.will(Say("Hello."), Cost(120))
    await ada.says("hello")
    await ada.reads()
    await _commands(ada, "schedule add every weekday 8:30 look for a new job", is_private=True)
    name = (await ada.reads(2))[1].split("`")[1]
    asked = command.replace("1a2b3c", name)

    await _commands(ada, asked)
    openly = (await ada.reads(3))[2]
    await _commands(ada, asked, is_private=True)
    privately = (await ada.reads(4))[3]

    assert openly == "This is between you and me: ask me in a direct message."
    assert "120 tokens" in privately or "look for a new job" in privately


def test_on_platforms_only_what_is_asked_of_an_agent_is_answered_openly() -> None:
    assert {spec.name for spec in SPECS if not spec.is_private} == {"ask", "bg", "retry"}
