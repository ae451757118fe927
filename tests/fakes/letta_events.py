"""The events that a Letta 0.16.8 streams, and what it stores of them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from typing import Any

from tests.fakes.directives import pieces_of, read_directives

Json = dict[str, Any]
PENDING = (
    "CONFLICT: Cannot send a new message: The agent is waiting for approval on a tool call. "
    "Please approve or deny the pending request before continuing."
)


def text_event(text: str, message: str = "message-1") -> Json:
    return {"message_type": "assistant_message", "id": message, "content": text}


def stop_event(reason: str = "end_turn") -> Json:
    return {"message_type": "stop_reason", "stop_reason": reason}


def call_event(call: str, name: str | None, arguments: str) -> Json:
    part = {"tool_call_id": call, "name": name, "arguments": arguments}
    return {
        "message_type": "approval_request_message",
        "id": "message-calls",
        "tool_call": part,
        "tool_calls": part,
    }


def error_events(kind: str, sentence: str, stop_reason: str = "llm_api_error") -> list[Json]:
    failure = {
        "message_type": "error_message",
        "error_type": kind,
        "message": sentence,
        "detail": sentence,
    }
    return [stop_event(stop_reason), failure]


def join_calls(events: list[Json]) -> list[Json]:
    """Return whole calls, out of fragments."""
    calls: dict[str, Json] = {}
    for event in events:
        part = event["tool_call"]
        call = calls.setdefault(part["tool_call_id"], {**part, "arguments": ""})
        call["arguments"] += part["arguments"]
    return list(calls.values())


def directed_of(messages: list[Json], tools: list[Json]) -> Iterable[Json]:
    if "tool_returns" in messages[0]:
        said = " | ".join(item["tool_return"] for item in messages[0]["tool_returns"])
        yield from (text_event(piece) for piece in pieces_of(f"tool said: {said}"))
        yield stop_event()
        return
    directives = read_directives("\n".join(message["content"] for message in messages))
    offered = {tool["name"] for tool in tools}
    calls = [(name, arguments) for name, arguments in directives.calls if name in offered]
    for number, (name, arguments) in enumerate(calls):
        call = f"call-{uuid.uuid4()}-{number}"
        yield call_event(call, name, arguments[:3])
        yield call_event(call, None, arguments[3:])
    if not calls:
        yield from (text_event(piece) for piece in pieces_of(directives.text))
    yield stop_event("requires_approval" if calls else "end_turn")


def ping_frame(run: str) -> str:
    return frame_of({"message_type": "ping", "id": "ping-1", "run_id": run, "seq_id": 1})


def frame_of(event: Json) -> str:
    is_error = event["message_type"] == "error_message"
    text = json.dumps(event, ensure_ascii=False)
    return f"event: error\ndata: {text}\n\n" if is_error else f"data: {text}\n\n"


def record_of(
    run: str, number: int, thread: str, messages: list[Json], events: list[Json]
) -> tuple[Json, list[Json]]:
    """Return what Letta stores of a run that is over: its record and its messages."""
    failure = next((e for e in events if e["message_type"] == "error_message"), None)
    reason = next((e["stop_reason"] for e in events if "stop_reason" in e), None)
    record = {
        "id": run,
        "agent_id": "agent-1",
        "conversation_id": thread,
        "status": "failed" if failure else "completed",
        "stop_reason": reason,
        "metadata": {"error": failure} if failure else None,
    }
    base = {"run_id": run, "date": f"2026-01-01T00:{number // 60:02}:{number % 60:02}"}
    stored = [
        {"message_type": "user_message", "id": f"message-{m['otid']}", "otid": m["otid"], **base}
        for m in messages
    ]
    texts: dict[str, str] = {}
    for event in events:
        if event["message_type"] == "assistant_message":
            texts[event["id"]] = texts.get(event["id"], "") + event["content"]
    stored += [{**text_event(text, message), **base} for message, text in texts.items()]
    calls = join_calls([e for e in events if e["message_type"] == "approval_request_message"])
    if calls:
        request = {**call_event("", "", ""), "tool_call": calls[0], "tool_calls": calls}
        stored.append({**request, "id": f"message-{run}", **base})
    for index, message in enumerate(stored):
        message["date"] += f".{index:03}"
    return record, [] if failure else stored
