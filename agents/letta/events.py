"""Reads what streams out of a Letta run and says what it means. Pure: no connection here.

The wire is documented nowhere in full; what is read here was seen on Letta 0.16.8: text and
calls come in fragments, `seq_id` counts the events of a background run, an error comes after
its `stop_reason`, and kinds of events that we do not know must be passed over.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from agents.letta.faults import (
    CallsPending,
    Json,
    StreamBroken,
    StreamGarbled,
    StreamRestarted,
    failed,
    is_json,
    is_list,
    is_pending_approval,
)
from agents.letta.sse import Frame
from gateway.domain.ids import RunId
from gateway.domain.tools import ToolCall
from gateway.domain.turns import (
    ReasoningDelta,
    RunEnded,
    RunStarted,
    TextDelta,
    ToolsAsked,
    ToolUsed,
    TurnEvent,
)

_FAILURES = frozenset(
    {
        "error",
        "llm_api_error",
        "invalid_llm_response",
        "invalid_tool_call",
        "insufficient_credits",
        "context_window_overflow_in_system_prompt",
    }
)
"""Stop reasons that leave no answer. The others end a run, if not always as one would wish."""

_COUNTED = frozenset(
    {"assistant_message", "reasoning_message", "tool_call_message", "approval_request_message"}
)
"""Events whose pieces must not be read twice: they need a number."""


@dataclass(slots=True)
class _Call:
    """A tool call, as far as its fragments have come."""

    name: str = ""
    arguments: str = ""


class RunReader:
    """Follows one run over any number of connections and yields each event once."""

    def __init__(self, run: RunId | None = None) -> None:
        self.run = run
        """Known from the first event on; the run is resumed by it."""
        self.position = 0
        """The newest `seq_id` that was read; a stream is resumed behind it."""
        self.progress = 0
        """Counts what was read, pings aside."""
        self.is_done = False
        """Whether the server said that nothing more comes."""
        self.can_resume = True
        """Whether a new stream can begin where the old one broke, with nothing twice."""
        self._replayed: set[str] | None = None
        """While a replay is checked: the messages that it has so far."""
        self._is_announced = False
        self._is_recorded = False
        self._floor = 0
        self._stop_reason: str | None = None
        self._failure: Json | None = None
        self._tokens = 0
        self._said: dict[str, int] = {}
        self._thought: dict[str, int] = {}
        self._calls: dict[str, _Call] = {}
        self._used: set[str] = set()

    @property
    def is_over(self) -> bool:
        """Whether the run's end was read; a failure's cause comes after its stop reason."""
        if self._failure is not None or self._stop_reason is None:
            return self._failure is not None
        if self._stop_reason == "requires_approval":
            # Of several calls Letta keeps, and waits for, one alone where it was not told that
            # the model may ask for more; which one it is, the record says.
            return len(self._calls) == 1 or self._is_recorded
        return self.is_done or self._stop_reason not in _FAILURES

    def read(self, frame: Frame) -> Iterator[TurnEvent]:
        """Yield what a frame means.

        Raises StreamGarbled for what can not be Letta's, and StreamRestarted when it
        shows that something said before is void.
        """
        if frame.is_done:
            self.is_done = True
            return
        body = _parse(frame)
        if not self._is_new(body):
            return
        if self.run is None and body.get("run_id"):
            self.run = RunId(str(body["run_id"]))
        yield from self._announce()
        if frame.event == "error" or body.get("message_type") == "error_message":
            self._failure = body
        elif body.get("message_type") != "ping":
            self.progress += 1
            if body.get("message_type") in _COUNTED and body.get("seq_id") is None:
                self.can_resume = False
            yield from self._read_message(body, is_whole=False)

    def read_record(self, messages: Collection[Json], run: Json) -> Iterator[TurnEvent]:
        """Yield what is still missing, out of the stored messages of a run that is over."""
        self._check_said([_text(message.get("id")) for message in messages])
        yield from self._announce()
        self._calls.clear()
        for message in messages:
            yield from self._read_message(message, is_whole=True)
        self._stop_reason = _text(run.get("stop_reason")) or _status_as_reason(run)
        metadata = run.get("metadata")
        error = metadata.get("error") if is_json(metadata) else None
        if self._stop_reason in _FAILURES and error:
            self._failure = error if is_json(error) else {"detail": str(error)}
        self.is_done = self._is_recorded = True

    def end(self) -> TurnEvent:
        """Return the last event. Raises RunFailed, or CallsPending when it never began."""
        if self._failure is not None:
            if is_pending_approval(self._failure):
                raise CallsPending(is_key_used=True)
            raise failed(_text(self._failure.get("error_type")) or self._stop_reason or "error")
        reason = self._stop_reason or "error"
        if reason in _FAILURES or (reason == "requires_approval" and not self._calls):
            raise failed(reason)
        if reason == "requires_approval":
            calls = self._calls.items()
            asked = tuple(ToolCall(i, call.name, call.arguments) for i, call in calls)
            return ToolsAsked(asked, self._tokens)
        return RunEnded(reason, self._tokens)

    def reconnect(self) -> int:
        """Say that a new stream begins; return the number behind which it should."""
        self._floor = self.position
        self.is_done = False
        return 0 if self._replayed is not None else self.position

    def _is_new(self, body: Json) -> bool:
        """Several events may share a number within one stream, so only older streams count."""
        sequence = body.get("seq_id")
        if not isinstance(sequence, int):
            return True
        if sequence <= self._floor:
            if self._replayed is not None:
                self._replayed.add(_text(body.get("id")))
            return False
        self._check_continuity(sequence)
        self.position = max(self.position, sequence)
        return True

    def _check_continuity(self, sequence: int) -> None:
        """Look at a gap in the numbers: a server that restarted may have skipped some.

        The embedded server does the step anew in which it died, under new numbers and
        a new message id. Only a replay from the beginning shows whether that is so.
        """
        if self._replayed is not None:
            self._check_said(self._replayed)
            self._replayed = None
        elif self.position == self._floor > 0 and sequence > self._floor + 1 and self._said:
            self._replayed = set()
            raise StreamBroken("Letta's stream goes on with a gap.")

    def _check_said(self, messages: Collection[str]) -> None:
        if not self._said.keys() <= set(messages):
            raise StreamRestarted

    def _announce(self) -> Iterator[TurnEvent]:
        if self._is_announced or self.run is None:
            return
        self._is_announced = True
        yield RunStarted(self.run)

    def _read_message(self, body: Json, *, is_whole: bool) -> Iterator[TurnEvent]:
        match body.get("message_type"):
            case "assistant_message":
                yield from self._read_text(body, is_whole=is_whole)
            case "reasoning_message":
                yield from self._read_reasoning(body, is_whole=is_whole)
            case "tool_call_message":
                yield from self._read_use(body)
            case "approval_request_message":
                self._read_calls(body)
            case "usage_statistics":
                self._tokens = _tokens(body)
            case "stop_reason":
                self._stop_reason = _text(body.get("stop_reason")) or self._stop_reason
            case _:
                pass

    def _read_text(self, body: Json, *, is_whole: bool) -> Iterator[TurnEvent]:
        message, text = _text(body.get("id")), _content(body.get("content"))
        said = self._said.get(message, 0)
        piece = text[said:] if is_whole else text
        self._said[message] = said + len(piece)
        if piece:
            yield TextDelta(message, piece)

    def _read_reasoning(self, body: Json, *, is_whole: bool) -> Iterator[TurnEvent]:
        key, text = _text(body.get("id")), _text(body.get("reasoning"))
        thought = self._thought.get(key, 0)
        piece = text[thought:] if is_whole else text
        self._thought[key] = thought + len(piece)
        if piece:
            yield ReasoningDelta(piece)

    def _read_use(self, body: Json) -> Iterator[TurnEvent]:
        for part in _call_parts(body):
            key, name = _text(part.get("tool_call_id")), _text(part.get("name"))
            if name and key not in self._used:
                self._used.add(key)
                yield ToolUsed(name)

    def _read_calls(self, body: Json) -> None:
        """Join fragments; only the first of a call has its name, all have its id."""
        is_whole = is_list(body.get("tool_calls"))
        for part in _call_parts(body):
            key = _text(part.get("tool_call_id")) or next(reversed(self._calls), "")
            call = self._calls.setdefault(key, _Call())
            call.name = _text(part.get("name")) or call.name
            arguments = _text(part.get("arguments"))
            call.arguments = arguments if is_whole else call.arguments + arguments


def pending_request(messages: Iterable[Json]) -> tuple[RunId | None, tuple[ToolCall, ...]]:
    """Return the calls that a thread waits for, and their run; messages come oldest first.

    One stored message may be several here; they share its id. Calls wait only
    when they are in the newest one.
    """
    run, calls, newest = None, (), None
    for message in messages:
        if message.get("id") != newest:
            run, calls, newest = None, (), message.get("id")
        if message.get("message_type") == "approval_request_message":
            parts = [(part, _text(part.get("tool_call_id"))) for part in _call_parts(message)]
            calls = tuple(ToolCall(key, _text(part.get("name")), "") for part, key in parts if key)
            run = RunId(_text(message.get("run_id"))) or None
    return run, calls


def is_ended(run: Json) -> bool:
    """Whether a run's record says that it is over."""
    return run.get("status") in ("completed", "failed", "cancelled", "expired")


def oldest_first(messages: list[Json]) -> list[Json]:
    """Return one page of messages by age: `order="desc"` answers in either order.

    Letta's dates count whole seconds. Within one second a page is newest first, as Letta
    0.16.8 lists a conversation.
    """
    if len(messages) > 1 and str(messages[0].get("date")) >= str(messages[-1].get("date")):
        return messages[::-1]
    return messages


def _parse(frame: Frame) -> Json:
    try:
        body: Any = json.loads(frame.data)
    except ValueError:
        body = None
    if is_json(body):
        return body
    if frame.event == "error":
        return {"error_type": "internal_error", "detail": frame.data}
    raise StreamGarbled("Letta sent an event that is not JSON.")


def _status_as_reason(run: Json) -> str:
    """Stand in for a stop reason that the run's record does not have."""
    return {"completed": "end_turn", "cancelled": "cancelled"}.get(
        _text(run.get("status")), "error"
    )


def _call_parts(body: Json) -> list[Json]:
    """Return the call or calls of a message: an object in token mode, a list otherwise."""
    calls = body.get("tool_calls") or body.get("tool_call")
    return [part for part in (calls if is_list(calls) else [calls]) if is_json(part)]


def _content(content: object) -> str:
    """Return the text of a message: a string, or a list of parts."""
    if is_list(content):
        return "".join(_text(part.get("text")) for part in content if is_json(part))
    return _text(content)


def _tokens(usage: Json) -> int:
    """Return what was read and written; 0 for what is no count."""
    counts = [usage.get("prompt_tokens"), usage.get("completion_tokens")]
    return sum(max(count, 0) for count in counts if isinstance(count, int))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
