"""People choose which of their agents hears them: once by a name, or from now on by /agent."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from dataclasses import replace

import pytest

from agents.scripted import Say, Step
from gateway.domain.messages import MessageKind
from gateway.domain.people import Route
from gateway.domain.turns import RunRequest
from storage.memory.store import MemoryStore
from tests.fakes.hub import FakeHub, FakePerson, HubOptions

ROUTES = {name: Route(name) for name in ("postern", "writer", "coach")}


@pytest.fixture
async def hub() -> AsyncGenerator[FakeHub]:
    """A hub with three agents, each of which says who it is and what it heard last."""
    hub = FakeHub(MemoryStore(), options=HubOptions(routes=ROUTES))

    def introduce(request: RunRequest) -> Iterable[Step]:
        (role,) = [role for _, role, agent in hub.agents.created if agent == request.session.agent]
        heard = [item.text.rpartition("\n")[2] for item in request.input]
        return (Say(f"{role} heard {heard}"),)

    hub.agents.script = introduce
    async with hub.running():
        yield hub


async def test_a_name_at_the_beginning_chooses_the_agent_once(hub: FakeHub) -> None:
    ada = hub.person("ada")

    await ada.says("@writer a poem")
    await ada.reads(1)
    await ada.says("thanks")

    assert await ada.reads(2) == ["writer heard ['a poem']", "postern heard ['thanks']"]


async def test_the_same_words_delivered_again_are_one_turn_of_each_agent(hub: FakeHub) -> None:
    ada = hub.person("ada")

    for _ in range(3):
        await ada.says("@all good morning", event_id="e1")

    read = await ada.reads(3)
    assert sorted(read) == [
        "**coach:** coach heard ['good morning']",
        "**postern:** postern heard ['good morning']",
        "**writer:** writer heard ['good morning']",
    ]
    assert hub.agents.runs_started == 3


async def changes(person: FakePerson, kind: MessageKind, target: str, text: str = "") -> None:
    """Edit a message, or take it back."""
    change = replace(person.hub.message(person, text), kind=kind, target=target)
    await person.hub.inbox.receive(change)


@pytest.mark.parametrize("text", ["@all good night", "good night"])
async def test_an_edit_of_what_was_said_to_all_reaches_all(hub: FakeHub, text: str) -> None:
    ada = hub.person("ada")

    await ada.says("@all good morning", event_id="e1")
    await ada.reads(3)
    await changes(ada, MessageKind.EDIT, "e1", text)

    read = await ada.reads(6)
    assert sorted(read[3:]) == [
        "**coach:** coach heard ['good night']",
        "**postern:** postern heard ['good night']",
        "**writer:** writer heard ['good night']",
    ]


async def test_what_was_said_to_all_and_waits_is_changed_or_taken_back_for_all() -> None:
    hub = FakeHub(MemoryStore(), options=HubOptions(routes=ROUTES))
    ada = hub.person("ada")

    await ada.says("@all good morning", event_id="e1")
    await ada.says("@all buy milk", event_id="e2")
    await changes(ada, MessageKind.EDIT, "e1", "@all good night")
    await changes(ada, MessageKind.DELETE, "e2")
    async with hub.running():
        await ada.reads(3)

    heard = [text.rpartition("\n")[2] for texts in hub.agents.heard for text in texts]
    assert heard == ["good night"] * 3


async def test_an_edit_of_what_one_heard_reaches_that_one_alone(hub: FakeHub) -> None:
    ada = hub.person("ada")

    await ada.says("@writer a poem", event_id="e1")
    await ada.reads(1)
    await changes(ada, MessageKind.EDIT, "e1", "@writer a song")

    assert (await ada.reads(2))[1] == "writer heard ['a song']"
    assert hub.agents.runs_started == 2


@pytest.mark.parametrize("choice", ["/agent writer", "/Agent writer"])
async def test_a_chosen_agent_answers_from_the_next_message_on(hub: FakeHub, choice: str) -> None:
    ada = hub.person("ada")

    await ada.says(choice)
    await ada.says("a poem")
    await ada.says("coach: and you?")

    read = await ada.reads(3)
    assert "writer heard ['a poem']" in read
    assert "coach heard ['and you?']" in read
    assert any("**writer** answers you here" in each for each in read)


async def test_a_choice_holds_for_one_person_in_one_conversation(hub: FakeHub) -> None:
    await hub.person("ada").says("/agent writer")
    bob = hub.person("bob")

    await bob.says("hello")

    assert await bob.reads(1) == ["postern heard ['hello']"]


async def test_a_name_that_is_not_there_is_not_chosen(hub: FakeHub) -> None:
    ada = hub.person("ada")

    await ada.says("/agent painter")
    await ada.reads(1)
    await ada.says("hello")

    refusal, answer = await ada.reads(2)
    assert refusal.startswith('There is no agent "painter". **postern** answers you here.')
    assert answer == "postern heard ['hello']"
