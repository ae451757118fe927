"""Commands: answered by the gateway, beside whatever the agent is doing."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from agents.scripted import Say, Wait
from gateway.domain.messages import MessageKind
from tests.fakes.hub import FakeHub, FakePerson


async def _commands(person: FakePerson, text: str) -> None:
    message = person.hub.message(person, text)
    await person.hub.inbox.receive(replace(message, kind=MessageKind.COMMAND))


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
