"""What the real App Server does when gateways die, as the stand-in of the suite has it."""

from __future__ import annotations

import asyncio
import os
import uuid
from dataclasses import replace

import pytest

from agents.app_server.client import AppServer, open_app_server
from agents.letta import LettaOptions
from gateway.domain.conversations import Conversation
from gateway.domain.ids import PersonId
from gateway.domain.people import Person
from gateway.domain.tools import ToolResult
from gateway.domain.turns import RunEnded, RunStarted, Session, TextDelta
from gateway.errors import RunFailed
from tests.fakes.rounds import DICE, answers, calls_of, follow, follow_until, run_of, says, text_of

pytestmark = [pytest.mark.letta_real, pytest.mark.timeout(120)]

PLACE = Conversation("discord", "dm", "99")
OPTIONS = LettaOptions(
    base_url=os.environ.get("POSTERN_TEST_APP_SERVER_URL", ""),
    model=os.environ.get("POSTERN_TEST_APP_SERVER_MODEL"),
    tag_prefix=f"postern-test-{uuid.uuid4().hex}",
)


async def new_session(server: AppServer) -> Session:
    person = Person(PersonId(f"person-{uuid.uuid4().hex}"), "Ada")
    agent = await server.host.create_agent(person, "postern")
    return Session(agent, await server.host.create_session(agent, PLACE))


async def test_its_shell_is_not_there_for_the_model() -> None:
    async with open_app_server(OPTIONS) as server:
        session = await new_session(server)
        asked = says(session, 'force call Bash {"command":"id","description":"x"}', tools=(DICE,))
        said = text_of(await follow(server.runtime, asked))

    assert "Tool not found: Bash. Available tools: roll_dice" in said


async def test_a_talk_goes_on_after_its_gateway_died_in_an_answer() -> None:
    async with open_app_server(OPTIONS) as dying:
        session = await new_session(dying)
        request = says(session, "drip 0.05\nwords 60")
        heard = await follow_until(dying.runtime, request, TextDelta)

    async with open_app_server(OPTIONS) as second:
        with pytest.raises(RunFailed) as caught:
            await follow(second.runtime, replace(request, run=run_of(heard)))
        here = text_of(await follow(second.runtime, says(session, "say here")))
    async with open_app_server(OPTIONS) as third:
        again = text_of(await follow(third.runtime, says(session, "say again")))
        found = await third.host.find_session(session.agent, PLACE)

    assert caught.value.kind == "interrupted"
    assert (here, again, found) == ("here", "again", session.thread)


async def test_an_answer_that_had_ended_when_its_gateway_died_is_whole() -> None:
    async with open_app_server(OPTIONS) as dying:
        session = await new_session(dying)
        request = says(session, "words 12")
        first = await follow(dying.runtime, request)

    async with open_app_server(OPTIONS) as second:
        again = await follow(second.runtime, replace(request, run=run_of(first)))
        here = text_of(await follow(second.runtime, says(session, "say here")))
    async with open_app_server(OPTIONS) as third:
        once_more = text_of(await follow(third.runtime, says(session, "say again")))

    assert (text_of(again), again[-1]) == (text_of(first), RunEnded("end_turn"))
    assert (here, once_more) == ("here", "again")


async def test_what_was_not_begun_to_be_answered_is_said_again() -> None:
    async with open_app_server(OPTIONS) as dying:
        session = await new_session(dying)
        request = says(session, "sleep 10\nsay hello")
        await follow_until(dying.runtime, request, RunStarted)

    async with open_app_server(OPTIONS) as second:
        said = text_of(await follow(second.runtime, request))

    assert said == "hello"


async def test_a_round_of_tools_goes_on_in_the_next_process() -> None:
    async with open_app_server(OPTIONS) as dying:
        session = await new_session(dying)
        request = says(session, "call roll_dice {}", tools=(DICE,))
        first = await follow(dying.runtime, request)

    async with open_app_server(OPTIONS) as second:
        again = await follow(second.runtime, replace(request, run=run_of(first)))
        returned = answers(request, [ToolResult(calls_of(first)[0].id, "a late four")])
        said = text_of(await follow(second.runtime, returned))

    assert calls_of(again) == calls_of(first)
    assert "a late four" in said


async def test_messages_of_one_conversation_are_answered_in_their_order() -> None:
    async with open_app_server(OPTIONS) as server:
        session = await new_session(server)
        requests = [says(session, f"say {number}") for number in range(3)]
        said = await asyncio.gather(*(follow(server.runtime, request) for request in requests))

    assert [text_of(events) for events in said] == ["0", "1", "2"]
