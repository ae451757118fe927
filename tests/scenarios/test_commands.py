"""Commands: answered by the gateway, beside whatever the agent is doing."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest

from agents.scripted import Cost, Fail, Say, Wait
from gateway.approvals import ApprovalOptions
from gateway.budgets import BudgetPolicy, Limits
from gateway.commands import SPECS
from gateway.domain.conversations import Conversation
from gateway.domain.messages import MessageKind
from gateway.turn_runner import TurnOptions
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

    assert await ada.reads() == ['There is no command "dance". `/help` lists those that there are.']


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


BOSS = "fake:w1:boss"
FOR_ADMINS = {"ban", "mute", "pair", "unban"}
FOR_RULERS = {"pause", "resume"}


def _with_admin(*approvers: str) -> FakeHub:
    asked = ApprovalOptions(frozenset(approvers))
    turns = TurnOptions(admins=frozenset({BOSS}), approvals=asked)
    return FakeHub(MemoryStore(), options=HubOptions(turns=turns))


async def _told(person: FakePerson, command: str) -> str:
    before = len(person.sees)
    await _commands(person, command, is_private=True)
    return (await person.reads(before + 1))[-1]


async def test_help_lists_to_each_what_they_may_use() -> None:
    hub = _with_admin(BOSS)
    everything = {spec.name for spec in SPECS}
    async with hub.running():
        boss, ada = hub.person("boss"), hub.person("ada")
        for_boss = await _told(boss, "help")
        for_ada = await _told(ada, "help")

    assert set(re.findall(r"- `/(\w+)`", for_boss)) == everything
    hidden = FOR_ADMINS | FOR_RULERS | {"approve"}
    assert set(re.findall(r"- `/(\w+)`", for_ada)) == everything - hidden


async def test_where_two_are_alone_everybody_may_pause_and_without_approvers_approve() -> None:
    turns = TurnOptions(admins=frozenset({BOSS}))
    hub = FakeHub(MemoryStore(), options=HubOptions(doors=("slack",), turns=turns))
    async with hub.running():
        ada = hub.on_slack("ada", Conversation("slack", "T1", "D1"))
        told = await _told(ada, "help")

    # On Slack, all but `/ask` stand behind one name: there are no others that nobody else has.
    listed = {"ask", *re.findall(r"- `/postern (\w+)`", told)}
    assert "- `/ask`: " in told
    assert listed == {s.name for s in SPECS} - FOR_ADMINS


async def test_whoami_tells_rights_and_commands_to_who_asks_alone() -> None:
    hub = _with_admin("fake:w1:ada")
    async with hub.running():
        boss, ada = hub.person("boss"), hub.person("ada")
        by_boss = await _told(boss, "whoami")
        by_ada = await _told(ada, "whoami")
        by_bob = await _told(hub.person("bob"), "whoami")
        await _commands(boss, "whoami")
        openly = (await boss.reads(2))[-1]

    assert "You are an admin." in by_boss
    assert "`/unban`" in by_boss
    assert "You are an approver." in by_ada
    assert "`/approve`" in by_ada
    assert "`/unban`" not in by_ada
    assert "You are neither an admin nor an approver." in by_bob
    assert "admin" not in openly
    assert "commands" not in openly


@pytest.mark.parametrize("command", ["ban ada", "mute ada", "unban ada", "pair", "pause", "resume"])
async def test_what_is_not_listed_is_not_done_either(command: str) -> None:
    hub = _with_admin()
    async with hub.running():
        told = await _told(hub.person("ada"), command)

    assert "The operator names admins in `access.admins`." in told
