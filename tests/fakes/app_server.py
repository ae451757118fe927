"""An App Server over loopback: the frames of letta 0.34.12, as the adapter meets them.

It drops commands that the real one drops without a word, takes a client message id once, asks
for one tool at a time, and stops and sticks as the real one does when nobody hears a turn any
more. What its agents say is decided by the directives in a message.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.fakes.app_server_turns import Conversation, FakeTurn, Json

_LONGEST_TOOL_WAIT_MS = 300_000


@dataclass
class Heard:
    """One input, as the server took it."""

    conversation: str
    contents: list[object]
    keys: list[str]
    allowed: list[str] | None
    """The tools that the model is given; None for all of the server's own, a shell among them."""


@dataclass
class FakeAppServer:
    """What the server knows, and what it was told."""

    tasks: asyncio.TaskGroup
    url: str = ""
    heard: list[Heard] = field(default_factory=list[Heard])
    sockets: list[ServerConnection] = field(default_factory=list[ServerConnection])
    """In the order in which they were opened."""
    agents: dict[str, Json] = field(default_factory=dict[str, Json])
    conversations: dict[str, Conversation] = field(default_factory=dict[str, Conversation])
    tools: dict[str, tuple[ServerConnection, set[str]]] = field(
        default_factory=dict[str, tuple[ServerConnection, set[str]]]
    )
    """Who owns the tools of a conversation, and their names."""
    ignores_tags: bool = False
    """Answers every look-up of agents with all that there are."""
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _running: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    async def sever(self, *sockets: ServerConnection) -> None:
        """Cut connections, as a broken network would."""
        for socket in sockets:
            socket.transport.abort()
            await socket.wait_closed()

    async def serve(self, socket: ServerConnection) -> None:
        """Serve one connection to its end."""
        self.sockets.append(socket)
        try:
            async for message in socket:
                await self._take(socket, json.loads(message))
        except ConnectionClosed:
            pass  # cut by a test, or by its end
        finally:
            self.sockets.remove(socket)
            for conversation in self.conversations.values():
                conversation.leave(socket)

    async def _take(self, socket: ServerConnection, command: Json) -> None:
        match command:
            case {"type": "input", "runtime": dict(), "payload": {"kind": "create_message"}}:
                answer = self._input(command)
            case {"type": "external_tool_call_response", "request_id": str(number)}:
                self._answer_tool(socket, number, command)
                return
            case {"type": str(kind), "request_id": str()}:
                method = getattr(self, f"_{kind}", None)
                answer = method(socket, command) if method else None
            case _:
                answer = None
        if answer is not None:
            await socket.send(json.dumps({"request_id": command.get("request_id"), **answer}))

    # -- commands, each under its own name

    def _app_server_info(self, _: ServerConnection, __: Json) -> Json:
        return {
            "type": "app_server_info_response",
            "success": True,
            "letta_code_version": "0.34.12",
            "protocol_version": 1,
        }

    def _agent_create(self, _: ServerConnection, command: Json) -> Json:
        agent = {"id": f"agent-local-{uuid.uuid4()}", "created_at": self._now(), **command["body"]}
        self.agents[agent["id"]] = {**agent, "tags": [*agent["tags"], "origin:letta-code"]}
        return _done("agent_create", agent=self.agents[agent["id"]])

    def _agent_list(self, _: ServerConnection, command: Json) -> Json:
        wanted = set(command["query"]["tags"])
        agents = self.agents.values()
        found = [one for one in agents if self.ignores_tags or wanted <= set(one["tags"])]
        return _done("agent_list", agents=found)

    def _conversation_create(self, _: ServerConnection, command: Json) -> Json:
        made = self._made(command["body"]["agent_id"], command["body"].get("summary"))
        return _done("conversation_create", conversation=made.wire())

    def _conversation_list(self, _: ServerConnection, command: Json) -> Json:
        query = command["query"]
        found = [
            one.wire()
            for one in reversed(self.conversations.values())
            if one.agent == query["agent_id"] and query["summary_search"] in (one.summary or "")
        ]
        return _done("conversation_list", conversations=found[: query.get("limit", 20)])

    def _conversation_update(self, _: ServerConnection, command: Json) -> Json:
        conversation = self.conversations[command["conversation_id"]]
        conversation.summary = command["body"]["summary"]
        return _done("conversation_update", conversation=conversation.wire())

    def _conversation_fork(self, _: ServerConnection, command: Json) -> Json:
        origin = self.conversations[command["conversation_id"]]
        copy = self._made(origin.agent, None)
        copy.messages = list(origin.messages)
        return _done("conversation_fork", conversation={"id": copy.id})

    def _conversation_messages_list(self, _: ServerConnection, command: Json) -> Json:
        conversation = command["conversation_id"]
        if conversation not in self.conversations:
            error = f"Conversation {conversation} not found"
            return _refused("conversation_messages_list", error)
        messages = self.conversations[conversation].messages
        return _done("conversation_messages_list", messages=messages[::-1][:100])

    def _runtime_start(self, socket: ServerConnection, command: Json) -> Json | None:
        definitions = [tool for group in command["external_tools"] for tool in group["tools"]]
        if any(tool["timeout_ms"] > _LONGEST_TOOL_WAIT_MS for tool in definitions):
            return None
        agent, conversation = command["agent_id"], command["conversation_id"]
        if agent not in self.agents:
            return _refused("runtime_start", f"Agent {agent} not found")
        if conversation not in self.conversations:
            return _refused("runtime_start", f"Conversation {conversation} not found")
        self.conversations[conversation].join(socket)
        if definitions:
            self.tools[conversation] = (socket, {tool["name"] for tool in definitions})
        return _done("runtime_start")

    def _abort_message(self, _: ServerConnection, command: Json) -> Json:
        turn = self.conversations[command["runtime"]["conversation_id"]].turn
        if turn is not None:
            turn.abort()
        return _done("abort_message", aborted=turn is not None)

    def _input(self, command: Json) -> Json:
        conversation = self.conversations[command["runtime"]["conversation_id"]]
        payload = command["payload"]
        messages: list[Json] = payload["messages"]
        keys = [message["client_message_id"] for message in messages]
        accepted = {"type": "input_accepted", "accepted": True, "disposition": "started"}
        if keys[0] in conversation.keys:
            return accepted
        conversation.keys.update(keys)
        contents = [message["content"] for message in messages]
        texts = [words_of(content) for content in contents]
        allowed = payload.get("client_tool_allowlist")
        self.heard.append(Heard(conversation.id, contents, keys, allowed))
        owner, names = self.tools.get(conversation.id, (None, set[str]()))
        offered = names.intersection(allowed or ()) if owner in self.sockets else set[str]()
        turn = FakeTurn(conversation, list(zip(texts, keys, strict=True)), offered, self.numbers)
        turn.owner = owner
        task = self.tasks.create_task(conversation.run(turn))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return accepted

    def _answer_tool(self, socket: ServerConnection, number: str, command: Json) -> None:
        for conversation in self.conversations.values():
            if conversation.turn is not None and conversation.turn.owner is socket:
                conversation.turn.answer(number, command["result"])

    # -- the rest

    def _made(self, agent: str, summary: str | None) -> Conversation:
        made = Conversation(f"local-conv-{next(self.numbers)}", agent, summary, self._now())
        self.conversations[made.id] = made
        return made

    def _now(self) -> str:
        moment = datetime(2026, 11, 21, tzinfo=UTC) + timedelta(seconds=next(self.numbers))
        return moment.isoformat()

    def end(self) -> None:
        """End what still runs."""
        for task in tuple(self._running):
            task.cancel()


@asynccontextmanager
async def serving_app_server() -> AsyncGenerator[FakeAppServer]:
    """Yield a server that listens on a free port of this machine."""
    async with asyncio.TaskGroup() as tasks:
        fake = FakeAppServer(tasks)
        async with serve(fake.serve, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            fake.url = f"ws://127.0.0.1:{port}"
            try:
                yield fake
            finally:
                fake.end()


def words_of(content: str | list[Json]) -> str:
    """Return what is said in a message that may have pictures."""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def _done(kind: str, **fields: object) -> Json:
    return {"type": f"{kind}_response", "success": True, **fields}


def _refused(kind: str, error: str) -> Json:
    return {"type": f"{kind}_response", "success": False, "error": error}
