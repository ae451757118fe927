"""Which model thinks: chosen by its person alone, from the operator's list."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from agents.scripted import Ask, Say
from gateway.domain.conversations import Conversation
from gateway.domain.messages import MessageKind
from gateway.domain.people import Mode, Route, person_id_of
from gateway.domain.tools import ToolCall
from storage.memory.store import MemoryStore
from tests.fakes.hub import FakeHub, FakePerson, HubOptions

SMALL, LARGE = "openai/small", "openai/large"
OPTIONS = HubOptions(models=(SMALL, LARGE))


@pytest.fixture
async def hub() -> AsyncGenerator[FakeHub]:
    hub = FakeHub(MemoryStore(), options=OPTIONS)
    async with hub.running():
        yield hub


def _models(hub: FakeHub) -> list[str | None]:
    """Return which model was asked for in each round, in order."""
    return [request.model for request in hub.agents.asked]


def _elsewhere(person: FakePerson) -> FakePerson:
    return replace(person, conversation=Conversation("fake", "w1", "room", "7"))


async def test_the_model_that_was_chosen_thinks_from_then_on(hub: FakeHub) -> None:
    ada = hub.person("ada")

    await ada.asks("before")
    answer = await ada.asks(f"/model {LARGE}")
    await ada.asks("after")
    await _elsewhere(ada).asks("elsewhere")

    assert answer == f"From now on **{LARGE}** thinks for you, wherever you talk to this agent."
    assert _models(hub) == [None, LARGE, LARGE]


async def test_a_choice_for_one_conversation_counts_there_alone(hub: FakeHub) -> None:
    ada = hub.person("ada")

    await ada.asks("/model large")
    await _elsewhere(ada).asks("/model SMALL here")
    await _elsewhere(ada).asks("there")
    await ada.asks("here")

    assert _models(hub) == [SMALL, LARGE]


async def test_a_later_choice_for_everywhere_counts_here_too(hub: FakeHub) -> None:
    ada = hub.person("ada")

    await ada.asks("/model small here")
    await ada.asks("/model large")
    await ada.asks("hello")

    assert _models(hub) == [LARGE]


async def test_default_takes_a_choice_back(hub: FakeHub) -> None:
    ada = hub.person("ada")

    await ada.asks("/model large")
    await ada.asks("/model small here")
    here = await ada.asks("/model Default here")
    everywhere = await ada.asks("/model default")
    await ada.asks("hello")

    assert here == f"Taken back. From now on **{LARGE}** thinks for you here."
    assert everywhere == "Taken back. From now on your agent's own model thinks for you here."
    assert _models(hub) == [None]


async def test_one_sees_what_thinks_and_what_there_is(hub: FakeHub) -> None:
    ada = hub.person("ada")

    new = await ada.asks("/model")
    await ada.asks("hello")
    own = await ada.asks("/model")
    await ada.asks("/model large")
    chosen = await ada.asks("/model")

    assert new.startswith("Your agent thinks with a model of its own. There is `openai/small`, ")
    assert own.startswith("**script/lines** thinks for you here: your agent's own model. There ")
    assert chosen.startswith(f"**{LARGE}** thinks for you here: you chose it for your agent. ")


@pytest.mark.parametrize("typed", ["openai/huge", "huge", "here", "openai"])
async def test_what_is_not_on_the_list_is_refused(hub: FakeHub, typed: str) -> None:
    ada = hub.person("ada")

    answer = await ada.asks(f"/model {typed}")
    await ada.asks("hello")

    assert answer == (f'"{typed}" is not on the list of models. There is `{SMALL}`, `{LARGE}`.')
    assert _models(hub) == [None]


async def test_a_name_may_be_typed_as_it_is_shown(hub: FakeHub) -> None:
    ada = hub.person("ada")

    await ada.asks(f"/model `{LARGE}`")
    await ada.asks("hello")

    assert _models(hub) == [LARGE]


async def test_a_choice_is_for_one_of_ones_agents_alone() -> None:
    routes = {role: Route(role) for role in ("postern", "scribe")}
    hub = FakeHub(MemoryStore(), options=replace(OPTIONS, routes=routes))
    ada = hub.person("ada")
    async with hub.running():
        for said in ("/model large", "/model small here", "@scribe hello", "hello"):
            await ada.asks(said)

    assert _models(hub) == [None, SMALL]


async def test_words_that_are_no_choice_are_answered_with_how_to_make_one(hub: FakeHub) -> None:
    answer = await hub.person("ada").asks("/model large for everybody")

    assert answer.startswith("`/model NAME` changes it, `/model NAME here` for this conversation")


async def test_what_can_not_be_told_keeps_no_other_answer_back() -> None:
    hub = FakeHub(MemoryStore(), options=OPTIONS)
    ada = hub.person("ada")
    async with hub.running():
        await ada.asks("hello")
        hub.agents.lose_agent(hub.agents.created[0][2])
    for said in ("/model", "/whoami"):
        await ada.says(said)

    async with hub.running():
        await asyncio.sleep(60)

    refused, whoami = ada.sees[-1].split("\n\n")
    assert refused == "Sorry, I could not do this: Your agent can not be found."
    assert whoami.startswith("You are ada, known here as")
    assert not await hub.store.dead_letters.page(10)


async def test_nobody_chooses_for_somebody_else(hub: FakeHub) -> None:
    ada, bob = hub.person("ada"), hub.person("bob")

    await ada.asks("/model large")
    await bob.asks("hello")

    assert _models(hub) == [None]


async def test_all_rounds_of_a_turn_have_one_model(hub: FakeHub) -> None:
    ada = hub.person("ada")
    hub.agents.will(Ask((ToolCall("call-1", "current_time", "{}"),)))
    hub.agents.will(Say("It is noon."))

    await ada.asks("/model large")
    await ada.asks("what time is it?")

    assert _models(hub) == [LARGE, LARGE]


async def test_a_choice_counts_when_the_agent_wakes_by_itself(hub: FakeHub) -> None:
    ada = hub.person("ada")
    await ada.asks("/model large")

    wakeup = replace(hub.message(ada, "Look around."), kind=MessageKind.WAKEUP)
    await hub.inbox.wake(wakeup)
    await ada.reads(2)

    assert _models(hub) == [LARGE]


async def test_what_is_taken_off_the_list_counts_no_more() -> None:
    store = MemoryStore()
    hub = FakeHub(store, options=OPTIONS)
    async with hub.running():
        await hub.person("ada").asks("/model large")

    later = FakeHub(store, options=replace(OPTIONS, models=(SMALL,)))
    later.platform = hub.platform
    later.agents = hub.agents
    async with later.running():
        await later.person("ada").says("hello", event_id="later")
        await later.person("ada").reads(2)

    assert _models(later) == [None]


async def test_without_a_list_there_is_no_choice() -> None:
    hub = FakeHub(MemoryStore())
    async with hub.running():
        answer = await hub.person("ada").asks("/model openai/large")

    assert answer == "There is no model to choose here. Ask the operator of this bot."


async def test_the_model_of_a_shared_agent_is_the_operators() -> None:
    shared = HubOptions(models=(SMALL,), route=Route("postern", Mode.SHARED))
    hub = FakeHub(MemoryStore(), options=shared)
    async with hub.running():
        answer = await hub.person("ada").asks("/model small")
        await hub.person("ada").asks("hello")

    assert answer == "This agent is shared with others, so its model is the operator's."
    assert _models(hub) == [None]


async def test_a_choice_for_an_agent_that_all_share_now_counts_no_more() -> None:
    shared = HubOptions(models=(SMALL,), route=Route("postern", Mode.SHARED))
    hub = FakeHub(MemoryStore(), options=shared)
    ada = hub.person("ada")
    await hub.store.notes.put(person_id_of(ada.identity), "model:postern", SMALL)
    async with hub.running():
        await ada.asks("hello")

    assert _models(hub) == [None]


async def test_a_choice_is_forgotten_with_its_person(hub: FakeHub) -> None:
    ada = hub.person("ada")
    await ada.asks("/model large")
    person = await hub.store.people.find_person(ada.identity)
    assert person is not None

    forget = replace(hub.message(ada, "/forget everything"), is_private=True)
    await hub.inbox.receive(forget)
    await ada.reads(2)

    assert await hub.store.notes.all_of(person.id) == {}
