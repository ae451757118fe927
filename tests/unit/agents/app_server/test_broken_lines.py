"""Connections that break, gateways that die, conversations that stick: people still get answers."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from agents.app_server.client import AppServer, open_app_server
from gateway.domain.tools import ToolResult
from gateway.domain.turns import RunEnded, RunRequest, RunStarted, Session, TextDelta
from gateway.errors import RunFailed, RuntimeUnavailable
from gateway.ports import AgentRuntime
from tests.fakes.app_server import FakeAppServer, words_of
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.rounds import DICE, answers, calls_of, follow, follow_until, run_of, says, text_of
from tests.unit.agents.app_server.conftest import ADA, PLACE, options_for

WORDS = " ".join(f"w{number}" for number in range(30))


async def follow_again(runtime: AgentRuntime, request: RunRequest) -> str:
    """Ask until the runtime can be reached again, as the gateway does; return what was said."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                return text_of(await follow(runtime, request))
            except RuntimeUnavailable:
                await asyncio.sleep(0.01)


def times_heard(fake: FakeAppServer, text: str) -> int:
    return sum(heard.contents == [text] for heard in fake.heard)


async def test_a_turn_goes_on_when_the_first_connection_breaks(
    fake: FakeAppServer, server: AppServer, session: Session
) -> None:
    request = says(session, "drip 0.01\nwords 30")
    await follow_until(server.runtime, request, TextDelta)

    await fake.sever(fake.sockets[0])
    events = await follow(server.runtime, request)

    assert text_of(events) == WORDS
    assert events[-1] == RunEnded("end_turn")


async def test_a_turn_goes_on_when_the_keeper_breaks(
    fake: FakeAppServer, server: AppServer, session: Session
) -> None:
    request = says(session, "drip 0.01\nwords 30")
    await follow_until(server.runtime, request, TextDelta)

    await fake.sever(fake.sockets[1])
    events = await follow(server.runtime, request)

    assert text_of(events) == WORDS


async def test_a_run_may_count_its_pieces_from_nought(
    fake: FakeAppServer, server: AppServer, session: Session
) -> None:
    fake.conversations[session.thread].first_seq = 0

    events = await follow(server.runtime, says(session, "words 3"))

    assert text_of(events) == "w0 w1 w2"


async def test_after_the_first_connection_broke_tools_are_asked_on_the_next(
    fake: FakeAppServer, server: AppServer, session: Session
) -> None:
    await follow(server.runtime, says(session, "say one", tools=(DICE,)))
    await fake.sever(fake.sockets[0])
    await follow_again(server.runtime, says(session, "say two"))

    request = says(session, "call roll_dice {}", tools=(DICE,))
    calls = calls_of(await follow(server.runtime, request))
    events = await follow(server.runtime, answers(request, [ToolResult(calls[0].id, "a six")]))

    assert text_of(events) == "tool said: a six"


async def test_a_turn_that_lost_all_hearers_says_what_it_had_said_and_that_it_broke(
    fake: FakeAppServer, server: AppServer, session: Session
) -> None:
    request = says(session, "drip 0.05\nwords 30")
    heard = await follow_until(server.runtime, request, TextDelta)

    await fake.sever(*fake.sockets)
    with pytest.raises(RunFailed, match="interrupted") as caught:
        await follow_again(server.runtime, replace(request, run=run_of(heard)))

    assert caught.value.kind == "interrupted"
    assert times_heard(fake, "drip 0.05\nwords 30") == 1


async def test_an_answer_that_had_ended_when_all_hearers_were_lost_is_whole(
    fake: FakeAppServer, session: Session
) -> None:
    request = says(session, "say seven")
    async with open_app_server(options_for(fake)) as dying:
        first = await follow(dying.runtime, request)

    async with open_app_server(options_for(fake)) as next_process:
        again = await follow(next_process.runtime, replace(request, run=run_of(first)))
        answer = text_of(await follow(next_process.runtime, says(session, "say eight")))

    assert (text_of(again), again[-1]) == ("seven", RunEnded("end_turn"))
    assert answer == "eight"
    assert times_heard(fake, "say seven") == 1
    talk = fake.conversations[fake.heard[-1].conversation]
    assert [words_of(one["content"]) for one in talk.messages] == [
        "say seven",
        "seven",
        "say eight",
        "eight",
    ]


async def test_a_stuck_conversation_goes_on_in_a_copy_with_all_that_was_said(
    fake: FakeAppServer, server: AppServer, session: Session
) -> None:
    await follow(server.runtime, says(session, "say I am Ada"))
    await follow_until(server.runtime, says(session, "drip 0.05\nwords 30"), TextDelta)
    await fake.sever(*fake.sockets)

    answer = await follow_again(server.runtime, says(session, "say here"))

    assert answer == "here"
    copy = fake.conversations[fake.heard[-1].conversation]
    assert copy.id != session.thread
    assert copy.summary == f"continues {session.thread}"
    assert "I am Ada" in str(copy.messages)


async def test_another_process_finds_the_copy(
    fake: FakeAppServer, server: AppServer, session: Session
) -> None:
    await follow_until(server.runtime, says(session, "drip 0.05\nwords 30"), TextDelta)
    await fake.sever(*fake.sockets)
    await follow_again(server.runtime, says(session, "say here"))

    async with open_app_server(options_for(fake)) as next_process:
        found = await next_process.host.find_session(session.agent, PLACE)
        answer = text_of(await follow(next_process.runtime, says(session, "say again")))

    assert found == session.thread
    assert answer == "again"
    assert fake.heard[-1].conversation == fake.heard[-2].conversation


async def test_a_turn_that_nobody_had_begun_to_answer_is_said_again(
    fake: FakeAppServer, session: Session
) -> None:
    request = says(session, "sleep 0.2\nsay hello")
    async with open_app_server(options_for(fake)) as dying:
        await follow_until(dying.runtime, request, RunStarted)

    async with open_app_server(options_for(fake)) as next_process:
        answer = text_of(await follow(next_process.runtime, request))

    assert answer == "hello"
    assert len({key for heard in fake.heard for key in heard.keys}) == len(fake.heard)


async def test_a_round_of_tools_goes_on_in_the_next_process(
    fake: FakeAppServer, session: Session
) -> None:
    request = says(session, "call roll_dice {}", tools=(DICE,))
    async with open_app_server(options_for(fake)) as dying:
        first = await follow(dying.runtime, request)
        calls = calls_of(first)

    async with open_app_server(options_for(fake)) as next_process:
        again = await follow(next_process.runtime, replace(request, run=run_of(first)))
        returned = answers(request, [ToolResult(calls[0].id, "say a late four")])
        events = await follow(next_process.runtime, returned)

    assert calls_of(again) == calls
    assert "a late four" in text_of(events)


async def test_an_ended_turn_is_told_by_the_next_process_from_what_is_stored(
    fake: FakeAppServer, session: Session
) -> None:
    request = says(session, "say a number", "think of a number\nsay seven")
    async with open_app_server(options_for(fake)) as dying:
        first = await follow(dying.runtime, request)
        await follow(dying.runtime, says(session, "say more"))

    async with open_app_server(options_for(fake)) as next_process:
        again = await follow(next_process.runtime, replace(request, run=run_of(first)))

    assert run_of(again) == run_of(first)
    assert text_of(again) == "seven"
    assert again[-1] == RunEnded("end_turn")
    assert len(fake.heard) == 2


async def test_an_input_that_the_server_swallows_is_said_under_another_id(
    fake: FakeAppServer, session: Session
) -> None:
    request = says(session, "say at last")
    fake.conversations[session.thread].keys.add(request.otid)

    async with open_app_server(replace(options_for(fake), taken_seconds=1.5)) as server:
        answer = text_of(await follow(server.runtime, request))

    assert answer == "at last"


async def test_a_server_that_is_away_is_unavailable_with_the_reason(
    fake: FakeAppServer, session: Session
) -> None:
    options = replace(options_for(fake), base_url="ws://127.0.0.1:9", connect_seconds=0.2)
    async with open_app_server(options) as nowhere:
        health = await nowhere.runtime.health()
        with pytest.raises(RuntimeUnavailable, match="can not be reached"):
            await nowhere.host.find_agent(ADA, "postern")

    assert not health.is_ready
    assert "can not be reached" in health.sentence
