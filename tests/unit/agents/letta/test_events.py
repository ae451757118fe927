"""What single events mean, and how bytes become events."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.letta.events import RunReader, oldest_first, pending_request
from agents.letta.faults import CallsPending, StreamGarbled, is_pending_approval, retry_after
from agents.letta.sse import Frame, SseDecoder
from gateway.domain.turns import (
    ReasoningDelta,
    RunEnded,
    RunStarted,
    TextDelta,
    ToolUsed,
    TurnEvent,
)
from gateway.errors import RunFailed
from tests.fakes.letta_events import PENDING

RUN = "run-00000000-0000-4000-8000-000000000001"


def read(*bodies: dict[str, Any], reader: RunReader | None = None) -> list[TurnEvent]:
    reader = reader or RunReader()
    frames = [Frame(json.dumps({"run_id": RUN, **body})) for body in bodies]
    return [event for frame in frames for event in reader.read(frame)]


def said(text: object, sequence: int | None = None) -> dict[str, Any]:
    return {"message_type": "assistant_message", "id": "m", "content": text, "seq_id": sequence}


def test_the_first_event_announces_the_run_and_only_the_first() -> None:
    assert read({"message_type": "ping"}, {"message_type": "ping"}) == [RunStarted(RUN)]  # pyright: ignore[reportArgumentType]


def test_text_may_come_in_parts() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}]

    assert read(said(parts))[1:] == [TextDelta("m", "ab")]


@pytest.mark.parametrize("content", [None, "", 7, [], {}])
def test_text_that_is_none_says_nothing(content: object) -> None:
    assert read(said(content))[1:] == []


def test_thinking_is_kept_apart_from_speaking_under_the_same_id() -> None:
    thought = {"message_type": "reasoning_message", "id": "m", "reasoning": "hm"}

    assert read(thought, said("yes"))[1:] == [ReasoningDelta("hm"), TextDelta("m", "yes")]


def test_a_tool_of_the_server_is_named_once_however_many_its_fragments() -> None:
    first = {"tool_call_id": "c", "name": "search", "arguments": "{"}
    second = {"tool_call_id": "c", "name": None, "arguments": "}"}
    events = [{"message_type": "tool_call_message", "tool_call": part} for part in (first, second)]

    assert read(*events)[1:] == [ToolUsed("search")]


def test_after_a_reconnect_older_events_are_not_read_again() -> None:
    reader = RunReader()
    read(said("a", 2), said("b", 3), reader=reader)
    reader.reconnect()

    assert read(said("a", 2), said("b", 3), said("c", 4), reader=reader) == [TextDelta("m", "c")]


def test_events_of_one_stream_may_share_a_number() -> None:
    assert len(read(said("a", 2), said("b", 2))) == 3


def test_what_is_no_json_is_garbled() -> None:
    with pytest.raises(StreamGarbled):
        list(RunReader().read(Frame("<html>")))


@pytest.mark.parametrize("body", [PENDING, {"detail": {"code": "PENDING_APPROVAL"}}])
def test_both_ways_to_say_that_calls_wait_are_understood(body: object) -> None:
    assert is_pending_approval(body)
    assert not is_pending_approval({"detail": "busy"})


def test_a_refused_round_is_not_a_failed_one() -> None:
    reader = RunReader()
    refusal = {"message_type": "error_message", "error_type": "internal_error", "detail": PENDING}
    read({"message_type": "stop_reason", "stop_reason": "error"}, refusal, reader=reader)

    with pytest.raises(CallsPending) as caught:
        reader.end()

    assert caught.value.is_key_used


@pytest.mark.parametrize("reason", ["max_steps", "cancelled", "max_tokens_exceeded", "new_one"])
def test_reasons_that_leave_an_answer_end_the_run(reason: str) -> None:
    reader = RunReader()
    read({"message_type": "stop_reason", "stop_reason": reason}, reader=reader)

    assert reader.is_over
    assert str(reader.end()) == f"RunEnded(reason='{reason}')"


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": 100, "completion_tokens": 11, "total_tokens": 111}, 111),
        ({"prompt_tokens": None, "completion_tokens": "many"}, 0),
        ({"prompt_tokens": -5, "completion_tokens": 7}, 7),
    ],
)
def test_the_end_tells_what_the_run_used(usage: dict[str, object], tokens: int) -> None:
    reader = RunReader()
    ended = {"message_type": "stop_reason", "stop_reason": "end_turn"}
    read(ended, {"message_type": "usage_statistics", **usage}, reader=reader)

    end = reader.end()

    assert isinstance(end, RunEnded)
    assert end.tokens == tokens


@pytest.mark.parametrize("reason", ["error", "invalid_llm_response", "insufficient_credits"])
def test_reasons_that_leave_no_answer_fail_it(reason: str) -> None:
    reader = RunReader()
    read({"message_type": "stop_reason", "stop_reason": reason}, reader=reader)

    with pytest.raises(RunFailed) as caught:
        reader.end()

    assert caught.value.kind == reason


def test_only_the_newest_message_can_wait_for_calls() -> None:
    request = {
        "id": "m1",
        "message_type": "approval_request_message",
        "run_id": RUN,
        "tool_calls": [{"tool_call_id": "c", "name": "n", "arguments": "{}"}],
    }
    returned = {"id": "m2", "message_type": "tool_return_message"}

    assert [call.id for call in pending_request([request])[1]] == ["c"]
    assert pending_request([request, returned]) == (None, ())


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after-ms": "250", "retry-after": "3"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"retry-after": "-1"}, None),
        ({}, None),
    ],
)
def test_the_wait_that_was_asked_for_is_read(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(headers) == seconds


texts = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), min_size=1)


@given(data=st.lists(texts, max_size=8), sizes=st.lists(st.integers(1, 9)), crlf=st.booleans())
def test_frames_do_not_depend_on_how_bytes_arrive(
    data: list[str], sizes: list[int], *, crlf: bool
) -> None:
    end = "\r\n" if crlf else "\n"
    stream = "".join(f": hi{end}data: {text}{end}{end}" for text in data).encode()

    assert [frame.data for frame in decode(stream, sizes)] == data


@given(junk=st.binary(max_size=200), sizes=st.lists(st.integers(1, 9)))
def test_no_bytes_break_the_decoder(junk: bytes, sizes: list[int]) -> None:
    assert decode(junk, sizes) == decode(junk, [])


def test_an_error_event_carries_its_name() -> None:
    frames = decode(b"event: error\ndata: {}\n\ndata: [DONE]\n\n", [])

    assert frames == [Frame("{}", "error"), Frame("[DONE]")]
    assert frames[1].is_done


def test_an_event_without_an_end_is_refused() -> None:
    decoder = SseDecoder(limit_bytes=100)

    with pytest.raises(StreamGarbled):
        list(decoder.feed(b"data: " + b"x" * 200))


def decode(stream: bytes, sizes: list[int]) -> list[Frame]:
    decoder, frames = SseDecoder(), list[Frame]()
    for size in sizes:
        chunk, stream = stream[:size], stream[size:]
        frames.extend(decoder.feed(chunk))
    return [*frames, *decoder.feed(stream)]


@pytest.mark.parametrize(
    ("page", "ages"),
    [
        (["08:00:02", "08:00:01"], ["08:00:01", "08:00:02"]),
        (["08:00:01", "08:00:02"], ["08:00:01", "08:00:02"]),
    ],
)
def test_a_page_of_messages_is_put_in_order(page: list[str], ages: list[str]) -> None:
    assert [item["date"] for item in oldest_first([{"date": date} for date in page])] == ages


def test_within_one_second_a_page_is_taken_as_newest_first() -> None:
    page: list[dict[str, Any]] = [{"date": "08:00:01", "id": name} for name in ("new", "old")]

    assert [item["id"] for item in oldest_first(page)] == ["old", "new"]
