"""Conversations and turns of the App Server that stands in: frames out, messages stored."""

from __future__ import annotations

import asyncio
import itertools
import json
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import ServerConnection, broadcast

from tests.fakes.directives import Directives, pieces_of, read_directives

Json = dict[str, Any]

REMINDER = "<system-reminder>The user interrupted the active stream.</system-reminder>\n"


class _Failed(Exception):
    """The model's endpoint answered with an error."""


@dataclass
class Conversation:
    """One thread: what is stored of it, who hears it, and what runs in it."""

    id: str
    agent: str
    summary: str | None
    created_at: str
    messages: list[Json] = field(default_factory=list[Json])
    """Oldest first."""
    keys: set[str] = field(default_factory=set[str])
    """The client message ids that were taken: none is taken twice."""
    hearers: set[ServerConnection] = field(default_factory=set[ServerConnection])
    turn: FakeTurn | None = None
    first_seq: int = 1
    """The number of the first piece of a run."""
    stuck_run: str | None = None
    """A run that was cut off while the model spoke: nothing runs here any more."""
    _alone: asyncio.Lock = field(default_factory=asyncio.Lock)

    def wire(self) -> Json:
        return {
            "id": self.id,
            "agent_id": self.agent,
            "summary": self.summary,
            "created_at": self.created_at,
        }

    def join(self, socket: ServerConnection) -> None:
        self.hearers.add(socket)

    def leave(self, socket: ServerConnection) -> None:
        """Somebody is gone; a turn that nobody hears any more is stopped."""
        self.hearers.discard(socket)
        if self.turn is None:
            return
        if not self.hearers:
            self.turn.abort(is_abandoned=True)
        elif self.turn.owner is socket:
            self.turn.fail_tool("External tool execution error: Listener connection closed")

    def say(self, frame: Json) -> None:
        """Tell all who hear."""
        scope = {"agent_id": self.agent, "conversation_id": self.id}
        broadcast(self.hearers, json.dumps({**frame, "runtime": scope}))

    async def run(self, turn: FakeTurn) -> None:
        """Run a turn; turns that come meanwhile wait for their turn."""
        async with self._alone:
            self.turn = turn
            try:
                await turn.run()
            finally:
                self.turn = None


class FakeTurn:
    """One input and what comes of it."""

    def __init__(
        self,
        conversation: Conversation,
        said: list[tuple[str, str]],
        offered: set[str],
        numbers: itertools.count[int],
    ) -> None:
        self.owner: ServerConnection | None = None
        self._conversation = conversation
        self._said = said
        self._offered = offered
        self._numbers = numbers
        self._run = ""
        self._seq = itertools.count(conversation.first_seq)
        self._stopped = asyncio.Event()
        self._is_abandoned = False
        self._wait: tuple[str, asyncio.Future[Json]] | None = None

    def abort(self, *, is_abandoned: bool = False) -> None:
        """Stop. A tool call that waits is waited for, unless nobody could answer it."""
        self._stopped.set()
        self._is_abandoned = is_abandoned
        if is_abandoned:
            self.fail_tool("User interrupted the stream")

    def answer(self, number: str, result: Json) -> None:
        """Take the answer of a tool, if that one was asked."""
        if self._wait is not None and self._wait[0] == number and not self._wait[1].done():
            self._wait[1].set_result(result)

    def fail_tool(self, reason: str) -> None:
        """Answer the call that waits, if one does."""
        if self._wait is not None and not self._wait[1].done():
            content = [{"type": "text", "text": reason}]
            self._wait[1].set_result({"content": content, "is_error": True})

    async def run(self) -> None:
        """Run to the end, and say how it ended."""
        conversation = self._conversation
        if conversation.stuck_run:
            self._end("error", f"{conversation.id} already has an active run (local-run-1)")
            return
        for text, key in self._said:
            self._store("user_message", content=[{"type": "text", "text": text}], otid=key)
        self._status("SENDING_API_REQUEST")
        try:
            await self._think(read_directives("\n".join(text for text, _ in self._said)))
        except _Failed as error:
            trouble = {"error_type": "local_backend_error", "message": str(error)}
            self._delta("loop_error", stop_reason="error", is_terminal=True, api_error=trouble)
            self._end("error", str(error))
        else:
            self._end("cancelled" if self._stopped.is_set() else "end_turn")

    async def _think(self, directives: Directives) -> None:
        returned: list[str] = []
        if directives.calls:
            returned = await self._use(directives.calls)
            if self._stopped.is_set():
                self._store("user_message", content=[{"type": "text", "text": REMINDER}])
                return
        text = "tool said: " + " | ".join(returned) if returned else directives.text
        async with self._step():
            await self._pause(directives.sleep_seconds)
            if directives.fail_status:
                raise _Failed(f"{directives.fail_status}: the model failed")
            await self._speak(directives, text)

    async def _speak(self, directives: Directives, text: str) -> None:
        if directives.think:
            self._delta("reasoning_message", reasoning=directives.think, seq_id=next(self._seq))
            self._store("reasoning_message", reasoning=directives.think)
        spoken = ""
        message = f"ui-msg-{next(self._numbers)}"
        for piece in pieces_of(text):
            await self._pause(directives.drip_seconds)
            if self._stopped.is_set():
                break
            spoken += piece
            content = [{"type": "text", "text": piece}]
            self._delta("assistant_message", id=message, content=content, seq_id=next(self._seq))
        if spoken:
            self._store("assistant_message", content=[{"type": "text", "text": spoken}])
        if self._is_abandoned and spoken:
            self._conversation.stuck_run = self._run
        elif self._is_abandoned:
            self._store("user_message", content=[{"type": "text", "text": REMINDER}])

    async def _use(self, calls: list[tuple[str, str]]) -> list[str]:
        """Ask for tools, all told at once and asked for one by one."""
        asked = [(f"call_{uuid.uuid4().hex}", name, text) for name, text in calls]
        async with self._step():
            for call_id, name, arguments in asked:
                call = {"tool_call_id": call_id, "name": name, "arguments": arguments}
                self._delta("approval_request_message", tool_call=call, seq_id=next(self._seq))
                self._store("approval_request_message", tool_call=call)
        self._status("EXECUTING_CLIENT_SIDE_TOOL", [call_id for call_id, _, _ in asked])
        return [await self._ask(*call) for call in asked]

    async def _ask(self, call_id: str, name: str, arguments: str) -> str:
        if name not in self._offered:
            text = f"Tool not found: {name}. Available tools: {', '.join(sorted(self._offered))}"
        else:
            self._wait = (f"external-tool-{uuid.uuid4()}", asyncio.Future())
            request = {
                "type": "external_tool_call_request",
                "request_id": self._wait[0],
                "runtime": {"conversation_id": self._conversation.id},
                "tool_call_id": call_id,
                "tool_name": name,
                "input": json.loads(arguments),
            }
            broadcast([self.owner] if self.owner else [], json.dumps(request))
            text = (await self._wait[1])["content"][0]["text"]
        self._store("tool_return_message", tool_call_id=call_id, tool_return=text)
        return text

    @asynccontextmanager
    async def _step(self) -> AsyncGenerator[None]:
        """One call of the model, which is a run of its own."""
        self._run = f"local-run-{next(self._numbers)}"
        self._seq = itertools.count(self._conversation.first_seq)
        self._status("PROCESSING_API_RESPONSE")
        yield
        self._delta(
            "usage_statistics", prompt_tokens=100, completion_tokens=7, seq_id=next(self._seq)
        )

    async def _pause(self, seconds: float) -> None:
        """Wait, unless it is stopped."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            pass  # nobody stopped it

    def _status(self, status: str, executing: list[str] | None = None) -> None:
        keys = [key for _, key in self._said]
        known = {self._run: keys} if self._run else {}
        state = {
            "status": status,
            "active_run_ids": [self._run] if self._run else [],
            "client_message_ids_by_run_id": known,
            "executing_tool_call_ids": executing or [],
        }
        self._conversation.say({"type": "update_loop_status", "loop_status": state})

    def _delta(self, kind: str, **fields: object) -> None:
        delta = {"message_type": kind, "run_id": self._run, **fields}
        self._conversation.say({"type": "stream_delta", "delta": delta})

    def _store(self, kind: str, **fields: object) -> None:
        message = {"id": f"ui-msg-{next(self._numbers)}", "message_type": kind, **fields}
        self._conversation.messages.append(message)

    def _end(self, reason: str, error: str | None = None) -> None:
        frame: Json = {"type": "turn_finished", "turn_id": str(uuid.uuid4()), "stop_reason": reason}
        if self._run:
            frame["run_id"] = self._run
        if error:
            frame["error"] = error
        self._conversation.say(frame)
