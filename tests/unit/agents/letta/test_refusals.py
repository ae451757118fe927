"""What Letta refuses, and how it fails, becomes an error that the gateway can act on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agents.letta.client import Letta, open_letta
from agents.letta.faults import ThreadBusy
from gateway.domain.ids import AgentId, RunId, SessionId
from gateway.domain.tools import ToolResult
from gateway.domain.turns import RunEnded, RunStarted, Session, TextDelta
from gateway.errors import RunFailed, RuntimeUnavailable
from tests.fakes.letta_events import error_events, text_event
from tests.fakes.letta_wire import Cut, Instead, LettaWire
from tests.fakes.rounds import DICE, answers, calls_of, follow, follow_until, run_of, says, text_of
from tests.unit.agents.letta.conftest import options_for

HERE = Session(AgentId("agent-1"), SessionId("conv-1"))
BUSY = {"detail": "CONFLICT: Cannot send a new message: Another request is being processed."}


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 529])
async def test_a_failing_server_is_asked_once_and_later(
    wire: LettaWire, letta: Letta, status: int
) -> None:
    wire.stream_faults.append(Instead(status, {"detail": "no"}, (("retry-after", "7"),)))

    with pytest.raises(RuntimeUnavailable) as caught:
        await follow(letta.runtime, says(HERE, "x"))

    assert caught.value.retry_after_seconds == 7.0
    assert len(wire.requests) == 1
    assert wire.started == []


async def test_a_wrong_key_waits_for_the_operator(wire: LettaWire, letta: Letta) -> None:
    wire.stream_faults.append(Instead(401, {"detail": "Unauthorized"}))

    with pytest.raises(RuntimeUnavailable, match="LETTA_API_KEY") as caught:
        await follow(letta.runtime, says(HERE, "x"))

    assert caught.value.retry_after_seconds == 60.0


async def test_the_key_is_sent(wire: LettaWire, letta: Letta) -> None:
    await follow(letta.runtime, says(HERE, "x"))

    assert wire.requests[0].headers["authorization"] == "Bearer key-of-the-tests"


async def test_a_thread_that_is_gone_fails_the_run(wire: LettaWire, letta: Letta) -> None:
    wire.stream_faults.append(Instead(404, {"detail": "Conversation conv-1 not found"}))

    with pytest.raises(RunFailed) as caught:
        await follow(letta.runtime, says(HERE, "x"))

    assert caught.value.kind == "not_found"


async def test_the_404_of_some_proxy_decides_nothing(wire: LettaWire, letta: Letta) -> None:
    wire.stream_faults.append(Instead(404, "<html>no such route</html>"))

    with pytest.raises(RuntimeUnavailable):
        await follow(letta.runtime, says(HERE, "x"))


async def test_a_page_instead_of_a_stream_is_no_answer(wire: LettaWire, letta: Letta) -> None:
    wire.stream_faults.extend(Instead(200, "<html>maintenance</html>") for _ in range(3))

    with pytest.raises(RuntimeUnavailable):
        await follow(letta.runtime, says(HERE, "x"))


async def test_what_letta_can_not_accept_fails_the_run(wire: LettaWire, letta: Letta) -> None:
    wire.stream_faults.append(Instead(400, {"detail": "Message content is empty or invalid"}))

    with pytest.raises(RunFailed) as caught:
        await follow(letta.runtime, says(HERE, "x"))

    assert caught.value.kind == "http_400"


async def test_nobody_listening_is_unavailable() -> None:
    async with open_letta(options_for("http://127.0.0.1:9")) as letta:
        with pytest.raises(RuntimeUnavailable):
            await follow(letta.runtime, says(HERE, "x"))
        health = await letta.runtime.health()

    assert not health.is_ready
    assert health.sentence


async def test_health_says_who_serves(letta: Letta) -> None:
    health = await letta.runtime.health()

    assert health.is_ready
    assert "0.16.8" in health.sentence


@pytest.mark.parametrize(
    "kind",
    [
        "llm_error",
        "llm_timeout",
        "llm_rate_limit",
        "llm_authentication",
        "llm_empty_response",
        "internal_error",
        "stream_incomplete",
        "never_seen_before",
    ],
)
async def test_a_failure_in_the_stream_comes_after_what_was_said(
    wire: LettaWire, letta: Letta, kind: str
) -> None:
    wire.scripts.append([text_event("partly"), *error_events(kind, "it broke")])
    request = says(HERE, "x")

    with pytest.raises(RunFailed) as caught:
        await follow(letta.runtime, request)
    heard = await follow_until(letta.runtime, request, TextDelta)

    assert caught.value.kind == kind
    assert text_of(heard) == "partly"


async def test_the_cause_of_a_failure_is_not_lost_with_the_connection(
    wire: LettaWire, letta: Letta
) -> None:
    kinds: set[str] = set()
    for position in range(0, 500, 3):
        wire.scripts.append(error_events("llm_timeout", "too slow"))
        wire.stream_faults.append(Cut(position))
        with pytest.raises(RunFailed) as caught:
            await follow(letta.runtime, says(HERE, "x"))
        kinds.add(caught.value.kind)

    assert kinds == {"llm_timeout"}


# -- busy threads


async def test_a_busy_thread_is_waited_for_under_the_same_otid(
    wire: LettaWire, letta: Letta
) -> None:
    await follow(letta.runtime, says(HERE, "words 2"))
    wire.busy["conv-1"] = 2
    request = says(HERE, "say mine")

    events = await follow(letta.runtime, request)

    assert text_of(events) == "mine"
    sent = [r.body["messages"][0]["otid"] for r in wire.paths("POST", "conv-1/messages")]
    assert sent[1:] == [request.otid] * 3
    assert wire.paths("GET", wire.started[0].id)


async def test_a_thread_that_stays_busy_gives_the_turn_back(wire: LettaWire) -> None:
    wire.busy["conv-1"] = 1000

    async with open_letta(replace(options_for(wire.url), busy_wait_seconds=0.5)) as letta:
        with pytest.raises(ThreadBusy):
            await follow(letta.runtime, says(HERE, "x"))

    assert wire.started == []


# -- calls that nobody answered


@pytest.fixture(params=["as an event", "as a status"])
def pending(request: pytest.FixtureRequest, wire: LettaWire) -> None:
    wire.pending_is_status = request.param == "as a status"


def _returned(wire: LettaWire) -> list[tuple[str, str]]:
    """Return which calls were answered, and with what status."""
    sent = [m for r in wire.requests if r.body for m in r.body.get("messages", [])]
    returns = [item for m in sent for item in m.get("tool_returns", [])]
    return [(item["tool_call_id"], item["status"]) for item in returns]


@pytest.mark.usefixtures("pending")
@pytest.mark.parametrize("newest_first", [False, True])
async def test_stale_calls_are_answered_with_errors_and_the_round_is_sent_again(
    wire: LettaWire, letta: Letta, *, newest_first: bool
) -> None:
    wire.newest_first = newest_first
    stale = calls_of(await follow(letta.runtime, says(HERE, "call roll_dice {}", tools=(DICE,))))

    events = await follow(letta.runtime, says(HERE, "say at last", tools=(DICE,)))

    assert text_of(events) == "at last"
    assert events[-1] == RunEnded("end_turn")
    assert len([event for event in events if isinstance(event, RunStarted)]) == 1
    assert _returned(wire) == [(stale[0].id, "error")]


@pytest.mark.usefixtures("pending")
async def test_calls_are_stale_for_a_round_that_has_more_to_say_than_theirs(
    wire: LettaWire, letta: Letta
) -> None:
    alone = says(HERE, "call roll_dice {}", tools=(DICE,))
    stale = calls_of(await follow(letta.runtime, alone))
    newer = says(HERE, "words 2", tools=(DICE,))
    both = replace(newer, input=(*alone.input, *newer.input), otid=says(HERE, "x").otid)

    await follow(letta.runtime, both)

    assert _returned(wire) == [(stale[0].id, "error")]


@pytest.mark.usefixtures("pending")
async def test_a_healed_round_is_the_same_when_it_is_heard_again(
    wire: LettaWire, letta: Letta
) -> None:
    await follow(letta.runtime, says(HERE, "call roll_dice {}", tools=(DICE,)))
    request = says(HERE, "say once")
    first = await follow(letta.runtime, request)
    runs = len(wire.started)

    again = await follow(letta.runtime, request)
    resumed = await follow(letta.runtime, replace(request, run=run_of(first)))

    assert text_of(first) == text_of(again) == text_of(resumed) == "once"
    assert len(wire.started) == runs


async def test_the_calls_of_a_healed_round_are_not_taken_for_stale_ones(
    wire: LettaWire, letta: Letta
) -> None:
    await follow(letta.runtime, says(HERE, "call roll_dice {}", tools=(DICE,)))
    request = says(HERE, 'call roll_dice {"sides": 8}', tools=(DICE,))
    asked = await follow(letta.runtime, request)

    resumed = await follow(letta.runtime, replace(request, run=RunId(run_of(asked))))
    result = ToolResult(calls_of(resumed)[0].id, "an eight")
    events = await follow(letta.runtime, answers(request, [result]))

    assert calls_of(resumed) == calls_of(asked)
    assert text_of(events) == "tool said: an eight"


async def test_a_thread_that_can_not_be_healed_fails_the_run(wire: LettaWire, letta: Letta) -> None:
    pending = {"detail": {"code": "PENDING_APPROVAL", "pending_request_id": "message-1"}}
    wire.stream_faults.extend(Instead(409, pending) for _ in range(10))

    with pytest.raises(RunFailed) as caught:
        await follow(letta.runtime, says(HERE, "x"))

    assert caught.value.kind == "pending_approval"


async def test_results_go_back_together_with_the_same_tools(wire: LettaWire, letta: Letta) -> None:
    text = 'call roll_dice {"sides": 1}\ncall roll_dice {"sides": 2}'
    request = says(HERE, text, tools=(DICE,))
    calls = calls_of(await follow(letta.runtime, request))
    results = [ToolResult(calls[0].id, "one"), ToolResult(calls[1].id, "none", is_error=True)]
    returned = answers(request, results)

    await follow(letta.runtime, returned)

    first, second = [r.body for r in wire.paths("POST", "/messages")]
    assert second["client_tools"] == first["client_tools"] != []
    assert second["messages"][0]["otid"] == returned.otid
    assert [item["status"] for item in second["messages"][0]["tool_returns"]] == [
        "success",
        "error",
    ]
