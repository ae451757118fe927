"""One turn that the server works on: its frames become events, its tool calls wait for answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from agents.app_server.connection import Connection
from agents.app_server.faults import failure_of, is_wedge
from agents.app_server.rounds import Round
from agents.app_server.wire import Json, content_of, object_at, objects, text_at, texts, tool_answer
from gateway.domain.tools import ToolCall, ToolResult
from gateway.domain.turns import ReasoningDelta, RunEnded, TextDelta, ToolsAsked
from gateway.errors import RuntimeUnavailable

_FAILED = ("error", "llm_api_error")


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A call that the server waits for: only this connection may answer it."""

    connection: Connection
    request_id: str


class LiveTurn:
    """A turn from its input to its end. One turn is several rounds when tools are called.

    The same frames come over both connections, and are taken once.
    """

    def __init__(self, keys: Collection[str], round_: Round) -> None:
        self._keys = frozenset(keys)
        self.round = round_
        self.signs = asyncio.Event()
        """Something was heard: the server did not swallow the input."""
        self.taken = asyncio.Event()
        """The model answers, or it is clear that it will not."""
        self.over = asyncio.Event()
        self.is_wedged = False
        """The conversation is stuck with a run that never ends; nothing was said."""
        self._tokens = 0
        """What the round has used so far."""
        self._is_queued = False
        """Behind a turn of somebody else, whose end is not ours."""
        self._runs: set[str] = set()
        self._seen: dict[str, int] = {}
        self._calls: dict[str, ToolCall] = {}
        self._executing: list[str] = []
        self._waiting: dict[str, _Waiting] = {}
        self._results: dict[str, ToolResult] = {}
        """What we have for calls that the server has not come to yet."""
        self._asked = asyncio.Event()
        self._trouble: list[Json] = []

    # -- what the server says

    def hear(self, connection: Connection, frame: Json) -> None:
        """Take a frame of the conversation; those of other turns and unknown ones pass by."""
        self.signs.set()
        match frame.get("type"):
            case "update_loop_status":
                self._take_status(object_at(frame, "loop_status"))
            case "update_queue":
                queue = [text_at(item, "client_message_id") for item in objects(frame.get("queue"))]
                self._is_queued = bool(self._keys.intersection(queue))
            case "stream_delta":
                self._take_delta(object_at(frame, "delta"))
            case "external_tool_call_request":
                self._take_call(connection, frame)
            case "turn_finished":
                self._take_end(frame)
            case _:
                pass

    def lose(self) -> None:
        """Nothing more will be heard of it."""
        lost = "The App Server was lost in the middle of the turn."
        self.round.fail(RuntimeUnavailable(lost, retry_after_seconds=0.5))
        self._close()

    def _take_status(self, status: Json) -> None:
        for run, keys in object_at(status, "client_message_ids_by_run_id").items():
            if self._keys.intersection(texts(keys)):
                self._runs.add(run)
                self.taken.set()
        self._executing = texts(status.get("executing_tool_call_ids")) or self._executing

    def _take_delta(self, delta: Json) -> None:
        kind = delta.get("message_type")
        if not self._is_ours(delta) or self._was_seen(delta):
            return
        match kind:
            case "assistant_message":
                self._say(text_at(delta, "id"), content_of(delta))
            case "reasoning_message":
                self.round.add(ReasoningDelta(text_at(delta, "reasoning")))
            case "approval_request_message":
                self._join_calls([object_at(delta, "tool_call"), *objects(delta.get("tool_calls"))])
            case "usage_statistics":
                self._tokens += _tokens(delta)
            case "loop_error" | "error_message":
                self._trouble.append(delta)
            case _:
                pass

    def _say(self, message: str, text: str) -> None:
        if text:
            self.round.add(TextDelta(message, text))

    def _is_ours(self, frame: Json) -> bool:
        run = text_at(frame, "run_id")
        if not run:
            keys = texts(frame.get("client_message_ids"))
            return not keys or bool(self._keys.intersection(keys))
        return run in self._runs

    def _was_seen(self, delta: Json) -> bool:
        """Whether this numbered piece of a run came already, over the other connection."""
        run, number = text_at(delta, "run_id"), delta.get("seq_id")
        if not isinstance(number, int):
            return False
        last = self._seen.get(run)
        if last is not None and number <= last:
            return True
        self._seen[run] = number
        return False

    def _join_calls(self, pieces: Sequence[Json]) -> None:
        """Take calls, whose arguments may come in fragments."""
        for piece in pieces:
            if call_id := text_at(piece, "tool_call_id"):
                before = self._calls.get(call_id, ToolCall(call_id, "", ""))
                self._calls[call_id] = ToolCall(
                    call_id,
                    before.name or text_at(piece, "name"),
                    before.arguments + text_at(piece, "arguments"),
                )

    def _take_call(self, connection: Connection, frame: Json) -> None:
        """Note a call that waits. The server asks one by one; all of its step are told at once."""
        call_id = text_at(frame, "tool_call_id")
        arguments = json.dumps(object_at(frame, "input"))
        self._calls.setdefault(call_id, ToolCall(call_id, text_at(frame, "tool_name"), arguments))
        self._waiting[call_id] = _Waiting(connection, text_at(frame, "request_id"))
        self._wake()
        if call_id in self._results:
            return
        step = [call for call in self._executing if call in self._calls]
        asked = step if call_id in step else [call_id]
        calls = tuple(self._calls[call] for call in asked)
        self.round.add(ToolsAsked(calls, self._spent()))

    def _take_end(self, frame: Json) -> None:
        if self._is_queued or not self._is_ours(frame):
            return
        reason, trouble = text_at(frame, "stop_reason"), [*self._trouble, frame]
        self.is_wedged = not self._runs and is_wedge(trouble)
        if reason in _FAILED and not self.is_wedged:
            self.round.fail(failure_of(trouble))
        elif not self.is_wedged:
            self.round.add(RunEnded(reason or "end_turn", self._spent()))
        self._close()

    def _spent(self) -> int:
        """Return what the round has used; the next one begins at none."""
        tokens, self._tokens = self._tokens, 0
        return tokens

    def _close(self) -> None:
        for event in (self.signs, self.taken, self.over):
            event.set()
        self._wake()

    def _wake(self) -> None:
        self._asked.set()
        self._asked = asyncio.Event()

    # -- what the tools say

    @property
    def waits_for_tools(self) -> bool:
        """Whether it asked for tools and stands still until they answer."""
        return not self.over.is_set() and bool(self._waiting)

    def wants(self, results: Sequence[ToolResult]) -> bool:
        """Whether it still waits for these."""
        return self.waits_for_tools and any(result.call_id in self._waiting for result in results)

    async def answer(self, results: Sequence[ToolResult]) -> None:
        """Give the results, each as soon as the server asks for it."""
        self._results |= {result.call_id: result for result in results}
        while self._results and not self.over.is_set():
            asked = self._asked
            for call_id in self._results.keys() & self._waiting.keys():
                waiting, result = self._waiting.pop(call_id), self._results.pop(call_id)
                await waiting.connection.tell(tool_answer(waiting.request_id, result))
            if self._results:
                await asked.wait()

    async def refuse(self, reason: str) -> None:
        """Answer all that waits with an error: the server ends no turn before that."""
        waiting = [ToolResult(call_id, reason, is_error=True) for call_id in self._waiting]
        await self.answer(waiting)


def _tokens(usage: Json) -> int:
    """Return what was read and written; 0 for what is no count."""
    counts = [usage.get("prompt_tokens"), usage.get("completion_tokens")]
    return sum(max(count, 0) for count in counts if isinstance(count, int))
