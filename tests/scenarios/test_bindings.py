"""Whose agent answers: the person's, the channel's, the thread's, or the one for all."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from gateway.domain.conversations import Conversation
from gateway.domain.people import EVERYONE, Mode, Route, place_id_of
from gateway.domain.routing import BindingRule, Routing
from storage.memory.store import MemoryStore
from tests.fakes.hub import FakeHub, FakePerson, HubOptions

CHANNEL = Conversation("slack", "T1", "C1")
RULES = (
    BindingRule("team", Mode.CHANNEL, "slack", "T1", "C1"),
    BindingRule("team", Mode.THREAD, "slack", "T1", "C2"),
    BindingRule("team", Mode.SHARED, "slack", "T1", "C3"),
)


def hub_with(**access: frozenset[str]) -> FakeHub:
    roles = {"postern": Route("postern"), "team": Route("team")}
    routes = Routing(roles, RULES, access)
    return FakeHub(MemoryStore(), options=HubOptions(doors=("slack",), routes=routes))


def person(hub: FakeHub, name: str, place: Conversation = CHANNEL) -> FakePerson:
    return hub.on_slack(name, place)


async def test_people_of_a_channel_share_its_agent_and_wait_for_each_other_in_it() -> None:
    hub = hub_with()
    ada, bob = person(hub, "ada"), person(hub, "bob")
    hub.agents.will_say("one", after=5)
    async with hub.running():
        await ada.says("first")
        await asyncio.sleep(1)
        await bob.says("second")
        await bob.reads(2)

    assert [owner for owner, _, _ in hub.agents.created] == [place_id_of(CHANNEL)]
    assert hub.agents.overlaps == []
    assert "[bob on slack" in hub.agents.heard[1][0]


async def test_an_agent_that_is_not_for_them_is_named_to_nobody() -> None:
    hub = hub_with(team=frozenset({"slack:T1:ada"}))
    ada = person(hub, "ada", Conversation("slack", "T1", "D1"))
    bob = person(hub, "bob", Conversation("slack", "T1", "D2"))
    async with hub.running():
        for each in (ada, bob):
            await each.says("/agent")
            await each.reads(1)
            await each.says("/agent painter")
            await each.reads(2)

    assert all("There is `postern`, `team`." in said for said in ada.sees)
    assert all("There is `postern`." in said for said in bob.sees)


async def test_threads_of_a_shared_agent_do_not_wait_for_each_other() -> None:
    hub = hub_with()
    one = person(hub, "ada", replace(CHANNEL, channel="C3", thread="1"))
    two = person(hub, "bob", replace(CHANNEL, channel="C3", thread="2"))
    hub.agents.will_say("slow", after=1000)
    async with hub.running():
        await one.says("a long question")
        await asyncio.sleep(5)
        await two.says("a short one")
        await two.reads(1)

        assert one.sees == []
    assert [owner for owner, _, _ in hub.agents.created] == [EVERYONE]


async def test_a_thread_has_an_agent_of_its_own_where_the_rule_says_so() -> None:
    hub = hub_with()
    places = [replace(CHANNEL, channel="C2", thread=thread) for thread in ("1", "2")]
    async with hub.running():
        for place in places:
            await person(hub, "ada", place).says("hello")
            await person(hub, "ada", place).reads(1)

    assert [owner for owner, _, _ in hub.agents.created] == [place_id_of(p) for p in places]


async def test_who_may_not_use_an_agent_is_told_so_and_reaches_none() -> None:
    hub = hub_with(team=frozenset({"slack:T1:ada"}))
    ada, bob = person(hub, "ada"), person(hub, "bob")
    async with hub.running():
        await bob.says("hello")
        await bob.reads(1)
        await ada.says("hello")
        shown = await ada.reads(2)

    assert shown[0] == 'The agent "team" is not for you. Ask the operator of this bot.'
    assert len(hub.agents.heard) == 1
    reasons = [e.data.get("reason") for e in await hub.store.history.audit(0, 100)]
    assert "agent_not_allowed" in reasons


async def test_a_message_for_an_agent_that_was_removed_is_answered_with_a_sentence() -> None:
    hub = hub_with()
    ada = person(hub, "ada")
    await ada.says("hello")
    hub.routes = {"postern": Route("postern")}
    async with hub.running():
        shown = await ada.reads(1)

    assert shown == ['Sorry, I could not answer this: the agent "team" is not here any more.']
    assert hub.agents.created == []


async def test_cancel_reaches_the_agent_that_the_rules_bind_here() -> None:
    hub = hub_with()
    ada = person(hub, "ada")
    hub.agents.will_say("slow", after=1000)
    async with hub.running():
        await ada.says("work")
        await asyncio.sleep(5)
        await ada.says("/cancel")

        assert "Stopped." in await ada.reads(1)
