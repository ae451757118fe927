"""Conversations begun anew and gone back to: of one's own, here, with the same agent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from gateway.domain.conversations import Conversation
from gateway.domain.ids import SessionId
from gateway.domain.people import Identity, Mode, Route
from storage.memory.store import MemoryStore
from tests.fakes.hub import FakeHub, FakePerson, HubOptions


@pytest.fixture
async def hub() -> AsyncGenerator[FakeHub]:
    """A hub whose threads are in the store, as they really are."""
    hub = FakeHub(MemoryStore(), options=HubOptions(has_constellation=True))
    async with hub.running():
        yield hub


async def _hears(person: FakePerson, text: str, *, is_private: bool = True) -> str:
    """Write; returns what comes back. A minute passes before."""
    await asyncio.sleep(60)
    return await (person.whispers(text) if is_private else person.asks(text))


def _threads(hub: FakeHub) -> list[SessionId]:
    """Return where each round ran, in order."""
    return [request.session.thread for request in hub.agents.asked]


async def test_one_sees_ones_conversations_and_goes_back(hub: FakeHub) -> None:
    ada = hub.person("ada")

    await _hears(ada, "How do I bake bread?")
    await _hears(ada, "/new")
    await _hears(ada, "What is a quark?")
    listed = await _hears(ada, "/sessions")
    back = await _hears(ada, "/sessions 1")
    await _hears(ada, "And with rye?")

    first, second = (line.split(": ", 1)[1] for line in listed.splitlines()[:2])
    assert first.endswith("UTC: What is a quark? (this one)")
    assert second.endswith("UTC: How do I bake bread?")
    assert listed.splitlines()[0].startswith("- 2: ")
    assert listed.endswith("`/sessions NUMBER` goes back to one, and `/new` begins another.")
    assert back == "You are back in conversation 1: your agent knows what was said there."
    bread, quark, rye = _threads(hub)
    assert bread == rye != quark


async def test_of_many_conversations_each_stays_where_it_is(hub: FakeHub) -> None:
    ada = hub.person("ada")
    for number in range(1, 11):
        await _hears(ada, f"This is number {number}")
        await _hears(ada, "/new")

    back = await _hears(ada, "/sessions #1")
    await _hears(ada, "again in number 1")
    await _hears(ada, "/sessions 2")
    await _hears(ada, "again in number 2")
    listed = await _hears(ada, "/sessions")

    numbers = [line.split(": ")[0] for line in listed.splitlines()[:-1]]
    assert back.startswith("You are back in conversation 1:")
    assert numbers == [f"- {number}" for number in range(10, 0, -1)]
    assert listed.splitlines()[-3].endswith("This is number 2 (this one)")
    begun = _threads(hub)
    assert begun[10:] == begun[:2]


async def test_a_conversation_is_known_by_the_beginning_of_its_first_words(hub: FakeHub) -> None:
    ada = hub.person("ada")

    await _hears(ada, f"Two\nlines {'x' * 100}")
    await _hears(ada, "/new")
    listed = await _hears(ada, "/sessions")

    assert listed.splitlines()[0].endswith(f"UTC: Two lines {'x' * 50}…")


async def test_words_that_are_not_kept_any_more_are_said_to_be_gone(hub: FakeHub) -> None:
    ada = hub.person("ada")
    await _hears(ada, "hello")
    await _hears(ada, "/new")
    while await hub.store.history.retain(hub.clock.now(), 100):
        pass

    assert "UTC: not kept any more" in await _hears(ada, "/sessions")


async def test_the_list_is_on_the_clock_of_its_person(hub: FakeHub) -> None:
    ada = hub.person("ada")

    await _hears(ada, "/timezone Asia/Tokyo")
    await _hears(ada, "hello")
    await _hears(ada, "/new")

    assert "Asia/Tokyo: hello" in await _hears(ada, "/sessions")


async def test_going_back_outlives_a_restart() -> None:
    hub = FakeHub(MemoryStore(), options=HubOptions(has_constellation=True))
    ada = hub.person("ada")
    async with hub.running():
        await _hears(ada, "first")
        await _hears(ada, "/new")
        await _hears(ada, "second")
        await _hears(ada, "/sessions 1")
    async with hub.running():
        await _hears(ada, "third")

    first, second, third = _threads(hub)
    assert first == third != second


async def test_a_conversation_of_somebody_else_is_none_of_yours(hub: FakeHub) -> None:
    room = Conversation("fake", "w1", "room")
    ada, bob = (hub.account(Identity("fake", "w1", name), room) for name in ("ada", "bob"))

    await _hears(ada, "ada's secret")
    await _hears(ada, "/new")
    await _hears(bob, "hello")
    listed = await _hears(bob, "/sessions")
    back = await _hears(bob, "/sessions 1")

    assert listed == "You have had one conversation with this agent here. `/new` begins another."
    assert back.startswith("There is no such conversation of yours here.")


async def test_the_list_is_told_where_nobody_else_reads(hub: FakeHub) -> None:
    ada = hub.account(Identity("fake", "w1", "ada"), Conversation("fake", "w1", "room"))

    await _hears(ada, "hello", is_private=False)
    await _hears(ada, "/new", is_private=False)
    listed = await _hears(ada, "/sessions", is_private=False)
    back = await _hears(ada, "/sessions 1", is_private=False)

    assert listed == "This is between you and me: ask me in a direct message."
    assert back.startswith("You are back in conversation 1")


@pytest.mark.parametrize("typed", ["7", "first", "-1", "1 2"])
async def test_a_conversation_that_is_not_there_is_said_so(hub: FakeHub, typed: str) -> None:
    ada = hub.person("ada")
    await _hears(ada, "hello")
    await _hears(ada, "/new")

    answer = await _hears(ada, f"/sessions {typed}")

    assert answer.startswith("There is no such conversation of yours here.")


async def test_before_the_first_word_there_are_none(hub: FakeHub) -> None:
    assert "no agent here yet" in await _hears(hub.person("ada"), "/sessions")


async def test_conversations_with_a_shared_agent_are_not_for_one_to_change() -> None:
    options = HubOptions(has_constellation=True, route=Route("postern", Mode.SHARED))
    hub = FakeHub(MemoryStore(), options=options)
    async with hub.running():
        ada = hub.person("ada")
        await _hears(ada, "hello")

        assert "shared with others" in await _hears(ada, "/new")
        assert "shared with others" in await _hears(ada, "/sessions 1")
