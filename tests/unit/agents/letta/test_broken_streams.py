"""A stream may break at any byte, as often as it likes: each event is heard once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agents.letta.client import Letta, open_letta
from gateway.domain.ids import AgentId, RunId, SessionId
from gateway.domain.tools import ToolResult
from gateway.domain.turns import RunEnded, RunStarted, Session, TextDelta, ToolsAsked
from gateway.errors import RunFailed, RuntimeUnavailable
from tests.fakes.letta_events import call_event, error_events, stop_event, text_event
from tests.fakes.letta_wire import Cut, Instead, LettaWire, OnlyPings
from tests.fakes.rounds import DICE, answers, calls_of, follow, follow_until, run_of, says, text_of
from tests.unit.agents.letta.conftest import options_for

HERE = Session(AgentId("agent-1"), SessionId("conv-1"))
WORDS = "w0 w1 w2 w3"


def body_of(wire: LettaWire) -> int:
    return len("".join(wire.started[0].frames).encode())


async def test_a_cut_at_any_byte_changes_nothing(wire: LettaWire, letta: Letta) -> None:
    whole = await follow(letta.runtime, says(HERE, "words 2"))
    for position in range(body_of(wire) + 1):
        wire.stream_faults.append(Cut(position))

        events = await follow(letta.runtime, says(HERE, "words 2"))

        assert (text_of(events), events[-1]) == (text_of(whole), whole[-1]), position
    assert len(wire.started) == body_of(wire) + 2


async def test_a_body_that_ends_early_is_as_good_as_cut(wire: LettaWire, letta: Letta) -> None:
    for position in range(0, 1000, 11):
        wire.stream_faults.append(Cut(position, is_clean=True))

        assert text_of(await follow(letta.runtime, says(HERE, "words 4"))) == WORDS


async def test_of_several_calls_those_are_made_that_letta_waits_for(
    wire: LettaWire, letta: Letta
) -> None:
    wire.keeps_one_call = True
    both = 'call roll_dice {"sides": 6}\ncall roll_dice {"sides": 20}'
    request = says(HERE, both, tools=(DICE,))

    (call,) = calls_of(await follow(letta.runtime, request))
    events = await follow(letta.runtime, answers(request, [ToolResult(call.id, "a three")]))

    assert call.arguments == '{"sides": 6}'
    assert isinstance(events[-1], RunEnded)


async def test_a_connection_that_is_cut_again_and_again_gets_there(
    wire: LettaWire, letta: Letta
) -> None:
    wire.stream_faults.extend(Cut(150) for _ in range(8))

    events = await follow(letta.runtime, says(HERE, "words 8"))

    assert text_of(events) == " ".join(f"w{number}" for number in range(8))
    assert len(wire.started) == 1


async def test_a_cut_never_loses_a_call(wire: LettaWire, letta: Letta) -> None:
    for position in range(0, 900, 7):
        wire.stream_faults.append(Cut(position))
        session = replace(HERE, thread=SessionId(f"conv-{position}"))

        request = says(session, 'call roll_dice {"sides": 6}', tools=(DICE,))
        calls = calls_of(await follow(letta.runtime, request))

        assert [(call.name, call.arguments) for call in calls] == [("roll_dice", '{"sides": 6}')]


async def test_a_failing_server_in_the_middle_is_waited_for(wire: LettaWire, letta: Letta) -> None:
    wire.stream_faults.extend([Cut(250), Instead(503, {"detail": "restarting"}), Instead(429, {})])

    assert text_of(await follow(letta.runtime, says(HERE, "words 4"))) == WORDS


async def test_a_server_that_stays_away_is_given_up_and_resumed_later(
    wire: LettaWire, letta: Letta
) -> None:
    request = says(HERE, "words 4")
    wire.stream_faults.extend([Cut(250), *(Instead(502, "<html>") for _ in range(7))])
    with pytest.raises(RuntimeUnavailable):
        await follow(letta.runtime, request)

    events = await follow(letta.runtime, replace(request, run=RunId(wire.started[0].id)))

    assert text_of(events) == WORDS
    assert len(wire.started) == 1


async def test_events_without_numbers_are_not_said_twice(wire: LettaWire, letta: Letta) -> None:
    wire.numbers_events = False
    wire.stream_faults.append(Cut(420))

    events = await follow(letta.runtime, says(HERE, "words 4"))

    assert text_of(events) == WORDS


@pytest.mark.parametrize("status", [400, 410])
async def test_without_a_stream_the_record_tells_all(
    wire: LettaWire, letta: Letta, status: int
) -> None:
    request = says(HERE, "words 4")
    whole = await follow(letta.runtime, request)
    wire.expired_status = status

    events = await follow(letta.runtime, replace(request, run=run_of(whole)))

    assert run_of(events) == run_of(whole)
    assert text_of(events) == WORDS
    assert events[-1] == RunEnded("end_turn")


async def test_the_record_tells_only_what_is_missing(wire: LettaWire, letta: Letta) -> None:
    wire.expired_status = 410
    wire.stream_faults.append(Cut(450))

    events = await follow(letta.runtime, says(HERE, "words 4"))

    assert text_of(events) == WORDS
    assert len([event for event in events if isinstance(event, TextDelta)]) > 1


async def test_the_record_of_a_run_that_asks_has_its_calls(wire: LettaWire, letta: Letta) -> None:
    request = says(HERE, 'call roll_dice {"sides": 6}', tools=(DICE,))
    whole = await follow(letta.runtime, request)
    wire.expired_status = 410

    again = await follow(letta.runtime, replace(request, run=run_of(whole)))

    assert calls_of(again) == calls_of(whole)


async def test_the_record_of_a_failed_run_has_its_cause(wire: LettaWire, letta: Letta) -> None:
    wire.scripts.append(error_events("llm_rate_limit", "slow down"))
    wire.expired_status = 410
    wire.stream_faults.append(Cut(100))

    with pytest.raises(RunFailed) as caught:
        await follow(letta.runtime, says(HERE, "x"))

    assert caught.value.kind == "llm_rate_limit"


async def test_a_stream_that_only_pings_is_checked_against_the_record(wire: LettaWire) -> None:
    request = says(HERE, "words 4")
    async with open_letta(replace(options_for(wire.url), silence_seconds=0.3)) as letta:
        whole = await follow(letta.runtime, request)
        wire.stream_faults.append(OnlyPings())

        events = await follow(letta.runtime, replace(request, run=run_of(whole)))

    assert text_of(events) == WORDS


async def test_a_run_that_letta_does_not_know_is_sent_under_the_same_otid(
    wire: LettaWire, letta: Letta
) -> None:
    request = says(HERE, "words 4")
    lost = replace(request, run=RunId("run-00000000-0000-4000-8000-000000000000"))

    first = await follow(letta.runtime, lost)
    again = await follow(letta.runtime, lost)

    assert text_of(first) == WORDS
    assert run_of(again) == run_of(first) == wire.started[0].id
    assert len(wire.started) == 1


async def test_hanging_up_leaves_the_run_to_be_heard_again(wire: LettaWire, letta: Letta) -> None:
    request = says(HERE, "words 4")
    await follow_until(letta.runtime, request, RunStarted)

    assert text_of(await follow(letta.runtime, request)) == WORDS
    assert len(wire.started) == 1


async def test_garbage_in_a_stream_is_a_broken_stream(wire: LettaWire, letta: Letta) -> None:
    wire.stream_faults.extend([Cut(250), Instead(200, "<html>we will be back</html>\n\n")])

    assert text_of(await follow(letta.runtime, says(HERE, "words 4"))) == WORDS


async def test_fragments_of_parallel_calls_are_joined_by_their_ids(
    wire: LettaWire, letta: Letta
) -> None:
    fragments = [("a", "one", '{"x"'), ("b", "two", ""), ("b", None, "{}"), ("a", None, ": 1}")]
    wire.scripts.append(
        [*(call_event(*part) for part in fragments), stop_event("requires_approval")]
    )

    asked = (await follow(letta.runtime, says(HERE, "x")))[-1]

    assert isinstance(asked, ToolsAsked)
    assert [(c.id, c.name, c.arguments) for c in asked.calls] == [
        ("a", "one", '{"x": 1}'),
        ("b", "two", "{}"),
    ]


async def test_messages_of_one_run_are_told_apart(wire: LettaWire, letta: Letta) -> None:
    wire.scripts.append(
        [
            text_event("I look.", "m1"),
            text_event("Found", "m2"),
            text_event(" it.", "m2"),
            stop_event(),
        ]
    )

    events = await follow(letta.runtime, says(HERE, "x"))

    assert events[1:-1] == [
        TextDelta("m1", "I look."),
        TextDelta("m2", "Found"),
        TextDelta("m2", " it."),
    ]


async def test_events_of_unknown_kinds_are_passed_over(wire: LettaWire, letta: Letta) -> None:
    strange = {"message_type": "dream_message", "id": "message-1", "content": "sheep"}
    wire.scripts.append([strange, text_event("hello"), {"message_type": None}, stop_event()])

    assert text_of(await follow(letta.runtime, says(HERE, "x"))) == "hello"


async def test_line_separators_of_unicode_come_through(wire: LettaWire, letta: Letta) -> None:
    text = "a\u2028b\u2029c\x85d\x0be"
    wire.scripts.append([text_event(text), stop_event()])

    assert text_of(await follow(letta.runtime, says(HERE, "x"))) == text


async def test_one_connection_serves_one_turn_after_the_other(
    wire: LettaWire, letta: Letta
) -> None:
    for _ in range(5):
        await follow(letta.runtime, says(HERE, "words 4"))

    assert wire.connections == 1
