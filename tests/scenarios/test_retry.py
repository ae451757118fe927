"""The last question asked again: marked as such, for its person alone, and never twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from agents.scripted import Fail, Say, Wait
from gateway.commands import COMMANDS
from gateway.commands.retrying import SAY_IT_AGAIN
from gateway.domain.artifacts import Attachment
from gateway.domain.conversations import Conversation
from gateway.domain.messages import MessageKind
from gateway.domain.people import Identity, Route
from gateway.ports import Streaming
from storage.memory.store import MemoryStore
from tests.fakes.hub import FakeHub, FakePerson, HubOptions

ROOM = Conversation("fake", "w1", "room")


def _in_room(hub: FakeHub, name: str) -> FakePerson:
    return hub.account(Identity("fake", "w1", name), ROOM)


def _words(hub: FakeHub) -> list[str]:
    """Return what the agents were told of people's words, without our first line."""
    return [text.partition("\n")[2] for texts in hub.agents.heard for text in texts]


async def test_the_last_question_is_asked_again_and_its_answer_says_so(hub: FakeHub) -> None:
    ada = hub.person("ada")
    hub.agents.will_say("Forty-one.")
    hub.agents.will_say("Forty-two.")

    await ada.asks("What is six times seven?")
    answer = await ada.asks("/retry")

    assert answer == "**Again:** Forty-two."
    assert ada.sees == ["Forty-one.", "**Again:** Forty-two."]
    assert _words(hub) == ["What is six times seven?"] * 2
    assert "asked again" not in hub.agents.heard[0][0]
    header = hub.agents.heard[1][0].partition("\n")[0]
    assert "; asked again, for another answer than your last: what was done for it stays " in header
    assert header.endswith("done, so do it no second time unasked]")


async def test_asked_a_third_time_it_is_still_the_first_question(hub: FakeHub) -> None:
    ada = hub.person("ada")

    first = await ada.says("Tell me a joke.")
    await ada.reads(1)
    for _ in range(2):
        await ada.asks("/retry")

    person = await hub.store.people.find_person(ada.identity)
    assert person is not None
    last = await hub.store.personal.last_question(
        person.id, ada.conversation, 10, with_private=True
    )
    assert last is not None
    assert last.message.target == first.event_id
    assert _words(hub) == ["Tell me a joke."] * 3


async def test_a_question_that_failed_is_asked_again(hub: FakeHub) -> None:
    ada = hub.person("ada")
    hub.agents.will(Fail("llm_error", "the model failed."))
    hub.agents.will_say("Here you are.")

    sorry = await ada.asks("Draw a fox.")
    answer = await ada.asks("/retry")

    assert sorry == "Sorry, I could not answer this: the model failed."
    assert answer == "**Again:** Here you are."


async def test_files_go_with_the_question(hub: FakeHub) -> None:
    ada = hub.person("ada")
    file = Attachment("cat.png", "image/png", 12, "person-ada/cat.png")
    await hub.inbox.receive(replace(hub.message(ada, "Who is this?"), attachments=(file,)))
    await ada.reads(1)

    await ada.asks("/retry")

    assert all("[file cat.png: image/png" in texts[0] for texts in hub.agents.heard)


@pytest.mark.parametrize("typed", ["/Retry", "/RETRY please"])
async def test_however_it_is_written_it_asks_again(hub: FakeHub, typed: str) -> None:
    ada = hub.person("ada")

    await ada.asks("hello")
    await ada.asks(typed)
    command = replace(hub.message(ada, typed[1:]), kind=MessageKind.COMMAND)
    await hub.inbox.receive(command)
    await ada.reads(3)

    assert _words(hub) == ["hello"] * 3


async def test_without_a_question_nothing_is_asked(hub: FakeHub) -> None:
    ada = hub.person("ada")

    first = await ada.asks("/retry")
    await ada.asks("/whoami")
    second = await ada.asks("/retry")

    assert first == second == "There is nothing that you said here to ask again."
    assert hub.agents.runs_started == 0


async def test_what_is_not_answered_yet_is_not_asked_twice(hub: FakeHub) -> None:
    ada = hub.person("ada")
    hub.agents.will(Wait(60), Say("At last."))
    await ada.says("Think hard.")
    await asyncio.sleep(5)

    told = await ada.asks("/retry")
    await ada.reads(2)

    assert told == "Your last question is not answered yet. Wait for the answer, or `/cancel` it."
    assert ada.sees[-1] == "At last."
    assert hub.agents.runs_started == 1


async def test_the_same_retry_delivered_again_asks_once(hub: FakeHub) -> None:
    ada = hub.person("ada")
    await ada.asks("hello")

    for _ in range(3):
        await ada.says("/retry", event_id="retry-1")
    await ada.reads(2)
    await ada.says("/retry", event_id="retry-1")
    await asyncio.sleep(30)

    assert hub.agents.runs_started == 2
    assert len(ada.sees) == 2


async def test_nobody_asks_anothers_question_again(hub: FakeHub) -> None:
    ada, bob = _in_room(hub, "ada"), _in_room(hub, "bob")

    await ada.asks("ada's question")
    await bob.asks("bob's question")
    await ada.asks("/retry")

    assert _words(hub) == ["ada's question", "bob's question", "ada's question"]


async def test_a_question_elsewhere_is_none_of_this_conversation(hub: FakeHub) -> None:
    await hub.person("ada").asks("in private")

    answer = await _in_room(hub, "ada").asks("/retry")

    assert answer == "There is nothing that you said here to ask again."


async def test_what_was_asked_in_private_is_not_answered_before_others(hub: FakeHub) -> None:
    ada = _in_room(hub, "ada")

    await ada.asks("open question")
    await ada.whispers("secret question")
    await ada.whispers("/retry")
    await ada.asks("/retry")

    assert _words(hub) == ["open question", "secret question", "secret question", "open question"]


async def test_the_agent_that_was_asked_is_asked_again() -> None:
    routes = {role: Route(role) for role in ("postern", "scribe")}
    hub = FakeHub(MemoryStore(), options=HubOptions(routes=routes))
    ada = hub.person("ada")
    async with hub.running():
        await ada.asks("@scribe @postern is slow")
        await ada.asks("/retry")

    assert [role for _, role, _ in hub.agents.created] == ["scribe"]
    assert len(set(_words(hub))) == 1


@pytest.mark.parametrize("text", ["/search retry", "/retrying", "Do not retry."])
async def test_other_words_ask_nothing_again(hub: FakeHub, text: str) -> None:
    ada = hub.person("ada")

    await ada.asks("hello")
    await ada.asks(text)

    assert _words(hub).count("hello") == 1


async def test_what_was_asked_in_private_is_asked_again_where_one_is_alone() -> None:
    hub = FakeHub(MemoryStore(), options=HubOptions(doors=("web",)))
    ada = hub.account(Identity("web", "postern", "ada"), Conversation("web", "postern", "ada"))
    async with hub.running():
        await ada.whispers("secret question")
        await ada.asks("/retry")

    assert _words(hub) == ["secret question"] * 2


async def test_an_answer_that_comes_meanwhile_is_said_so(hub: FakeHub) -> None:
    ada = hub.person("ada")
    await ada.asks("hello")
    late = replace(hub.message(ada, "retry"), kind=MessageKind.COMMAND)

    await hub.store.turns.accept(late, COMMANDS, hub.clock.now())
    await ada.reads(2)

    assert ada.sees[-1] == SAY_IT_AGAIN
    assert hub.agents.runs_started == 1


async def test_it_shares_its_turn_with_nothing_that_is_said_then(hub: FakeHub) -> None:
    ada = hub.person("ada")
    await ada.asks("hello")
    hub.agents.will(Wait(60), Say("At last."))
    await _in_room(hub, "ada").says("Think hard.")
    await asyncio.sleep(5)

    await ada.says("/retry")
    await ada.says("And this.")
    await asyncio.sleep(120)

    assert _words(hub) == ["hello", "Think hard.", "hello", "And this."]
    assert [each.startswith("**Again:**") for each in ada.sees] == [False, True, False]


async def test_where_agents_are_paused_nothing_is_asked_again(hub: FakeHub) -> None:
    ada = _in_room(hub, "ada")
    await ada.asks("hello")
    await hub.store.notes.put("paused", ROOM.id, "Paused by the operator")
    await asyncio.sleep(5)

    answer = await ada.asks("/retry")

    assert "I did not hear this" in answer
    assert hub.agents.runs_started == 1


@pytest.mark.parametrize("text", ["/retry now", "/retry"])
async def test_the_answer_is_marked_while_it_grows(text: str) -> None:
    options = HubOptions(streaming=Streaming(interval_seconds=0.1))
    hub = FakeHub(MemoryStore(), options=options)
    ada = hub.person("ada")
    async with hub.running():
        await ada.asks("hello")
        hub.agents.will(Say("Once", pause_seconds=0), Wait(10), Say(" more."))
        await ada.says(text)
        await asyncio.sleep(5)
        growing = ada.sees[-1]
        await hub.platform.until(lambda: ada.sees[-1].endswith("more."))

    assert growing == "**Again:** Once"
    assert ada.sees[-1] == "**Again:** Once\n\nmore."
