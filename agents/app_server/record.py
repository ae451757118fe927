"""What the server's stored messages tell of a round that was not heard to its end. Pure.

The server keeps the client message id of what was said (as `otid`) and nothing of how a turn
ended: a turn of which words are the last thing stored may have been cut off in them. Whoever
has to know which speaks to the server: see `thread`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agents.app_server.faults import INTERRUPTED
from agents.app_server.wire import Json, content_of, keys_of, object_at, objects, said_by, text_at
from gateway.domain.tools import ToolCall, ToolResult
from gateway.domain.turns import (
    ReasoningDelta,
    RunEnded,
    RunRequest,
    TextDelta,
    ToolsAsked,
    TurnEvent,
)
from gateway.errors import RunFailed

_STOPPED = "The user interrupted the active stream."


@dataclass(frozen=True, slots=True)
class Recalled:
    """A round as it is stored."""

    keys_used: int
    """Under how many of its ids it was sent."""
    events: tuple[TurnEvent, ...] = ()
    error: RunFailed | None = None
    is_unsure: bool = False
    """Whether `error` is what may have happened: nothing stands behind its words."""

    @property
    def is_void(self) -> bool:
        """Whether nothing came of it, so that it may be said again."""
        return not self.events


def recall(messages: Sequence[Json], request: RunRequest) -> Recalled | None:
    """Return what is stored of the round, given the messages oldest first; None when it is not."""
    keys = keys_of(request.otid)
    sent = {own: n for n, key in enumerate(keys, 1) for _, own in said_by(request, key)}
    for index in range(len(messages) - 1, -1, -1):
        if (otid := text_at(messages[index], "otid")) in sent:
            return _told(messages[index + 1 :], sent[otid])
    returned = _returned_at(messages, request)
    return None if returned is None else _told(messages[returned + 1 :], 0)


def _returned_at(messages: Sequence[Json], request: RunRequest) -> int | None:
    """Where the last of these results is stored, if the agent got them as they are."""
    results = {item.call_id: item.text for item in request.input if isinstance(item, ToolResult)}
    found = [
        index
        for index, message in enumerate(messages)
        if message.get("message_type") == "tool_return_message"
        and results.get(text_at(message, "tool_call_id")) == message.get("tool_return")
    ]
    return found[-1] if results and len(found) == len(results) else None


def _told(after: Sequence[Json], keys_used: int) -> Recalled:
    """Return what the agent said and asked for until somebody else spoke."""
    events: list[TurnEvent] = []
    calls: list[ToolCall] = []
    for message in after:
        match message.get("message_type"):
            case "assistant_message":
                events += _said(message)
            case "reasoning_message":
                events.append(ReasoningDelta(text_at(message, "reasoning")))
            case "approval_request_message":
                calls += _calls_of(message)
            case "user_message":
                is_cut = _STOPPED in content_of(message)
                return _ended(events, calls, keys_used, is_complete=not is_cut)
            case _:
                if calls:
                    break
    return replace(_ended(events, calls, keys_used, is_complete=False), is_unsure=not calls)


def _said(message: Json) -> list[TurnEvent]:
    text = content_of(message)
    return [TextDelta(text_at(message, "id"), text)] if text else []


def _calls_of(message: Json) -> list[ToolCall]:
    pieces = [object_at(message, "tool_call"), *objects(message.get("tool_calls"))]
    return [
        ToolCall(
            text_at(piece, "tool_call_id"), text_at(piece, "name"), text_at(piece, "arguments")
        )
        for piece in pieces
        if text_at(piece, "tool_call_id")
    ]


def _ended(
    events: list[TurnEvent], calls: list[ToolCall], keys_used: int, *, is_complete: bool
) -> Recalled:
    if calls:
        return Recalled(keys_used, (*events, ToolsAsked(tuple(calls))))
    if is_complete:
        return Recalled(keys_used, (*events, RunEnded("end_turn")))
    if not events:
        return Recalled(keys_used)
    return Recalled(keys_used, tuple(events), RunFailed(INTERRUPTED, kind="interrupted"))
