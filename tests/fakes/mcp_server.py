"""An MCP server on loopback, over streamable HTTP, that refuses what the protocol refuses.

Written from the protocol's text (modelcontextprotocol.io, revision 2025-06-18), not from our
client: tests choose its tools and its moods, and read what it was told.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.patience import PATIENCE_SECONDS

Json = dict[str, Any]  # messages, as they are on the wire

REVISIONS = ("2025-06-18", "2025-03-26")
CHANGED: Json = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}
_SCHEMA: Json = {"type": "object", "properties": {}}


def tool(name: str, about: str = "A tool.", schema: Json | None = None) -> Json:
    """Return a tool as a server lists it."""
    return {"name": name, "description": about, "inputSchema": schema or _SCHEMA}


def said(text: str, *, is_error: bool = False) -> Json:
    """Return the result of a call that is one text."""
    return {"content": [{"type": "text", "text": text}], "isError": is_error}


@dataclass(slots=True)
class Heard:
    """One request."""

    verb: str
    headers: dict[str, str]
    body: bytes

    @property
    def session(self) -> str | None:
        """The session that it names."""
        return self.headers.get("mcp-session-id")


class Turned(Exception):
    """A request that the protocol does not allow."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


@dataclass
class McpServer:
    """A running server."""

    url: str = ""
    tools: list[Any] = field(default_factory=list[Any])
    answers: dict[str, Callable[[Json], Json]] = field(default_factory=dict[str, Any])
    """What a tool returns; without one it says its name."""
    keeps_sessions: bool = True
    speaks_events: bool = False
    """Answers as an event stream instead of as JSON."""
    has_stream: bool = True
    """Whether a GET opens a stream of what it says by itself."""
    page_size: int | None = None
    token: str | None = None
    redirects_to: str | None = None
    """Where every call of a tool is sent on to."""
    gone: str = "404 Not Found"
    """The status for a session that it does not know."""
    session_name: str = "session"
    """How the ids of its sessions begin."""
    cookie: str | None = None
    """Given with every answer."""
    refuses: dict[str, str] = field(default_factory=dict[str, str])
    """Tools that are answered with an error of the protocol, in these words."""
    revision: str | None = None
    """Speaks this one, whatever is asked for."""
    hangs_at: set[str] = field(default_factory=set[str])
    """Methods, or tools, that are never answered."""
    floods_at: set[str] = field(default_factory=set[str])
    """Tools that are answered with fifty megabytes."""
    status_at: dict[str, str] = field(default_factory=dict[str, str])
    """Methods, or tools, that are answered with another status."""
    says_first: list[Json] = field(default_factory=list[Json])
    """Messages before the answer to a call, where it speaks in events."""
    called: list[tuple[str | None, str, Json]] = field(default_factory=list[Any])
    """Session, tool and arguments of each call."""
    told: list[Json] = field(default_factory=list[Json])
    """Notifications, and answers to what it asked."""
    encodings: set[str] = field(default_factory=set[str])
    """In which of them answers may come."""
    cookies: list[str] = field(default_factory=list[str])
    """Those that came back."""
    greeted: int = 0
    left: list[str] = field(default_factory=list[str])
    """Sessions that were ended by their client."""
    sent_bytes: int = 0
    listening: asyncio.Event = field(default_factory=asyncio.Event)
    """A stream was opened."""
    _sessions: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    _streams: list[asyncio.StreamWriter] = field(default_factory=list[asyncio.StreamWriter])

    def forget_sessions(self) -> None:
        """Know nobody any more, as after a restart."""
        self._sessions.clear()

    async def say(self, message: Json) -> None:
        """Say something by itself."""
        for stream in self._streams:
            stream.write(_event(message))
            await stream.drain()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            heard = await _read(reader)
            try:
                await self._take(heard, reader, writer)
            except Turned as turned:
                writer.write(_head(turned.status))
            await writer.drain()
        writer.close()

    async def _take(
        self, heard: Heard, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._check(heard)
        match heard.verb:
            case "GET":
                await self._stream(heard, reader, writer)
            case "DELETE":
                self._sessions.pop(heard.session or "", None)
                self.left.append(heard.session or "")
                writer.write(_head("204 No Content"))
            case "POST":
                await self._post(heard, reader, writer)
            case _:
                raise Turned("405 Method Not Allowed")

    def _check(self, heard: Heard) -> None:
        """Refuse what no client may send."""
        self.encodings.add(heard.headers.get("accept-encoding", ""))
        self.cookies += [heard.headers["cookie"]] if "cookie" in heard.headers else []
        if "origin" in heard.headers:
            raise Turned("403 Forbidden")
        if self.token is not None and heard.headers.get("authorization") != self.token:
            raise Turned("401 Unauthorized")
        accepted = heard.headers.get("accept", "")
        if heard.verb == "POST" and not ("application/json" in accepted and _EVENTS in accepted):
            raise Turned("406 Not Acceptable")
        if heard.verb == "POST" and heard.headers.get("content-type") != "application/json":
            raise Turned("415 Unsupported Media Type")

    async def _stream(
        self, heard: Heard, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._check_session(heard)
        if not self.has_stream:
            raise Turned("405 Method Not Allowed")
        writer.write(_head("200 OK", _EVENTS))
        await writer.drain()
        self._streams.append(writer)
        self.listening.set()
        await reader.read()
        self._streams.remove(writer)

    async def _post(
        self, heard: Heard, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        message: Json = json.loads(heard.body)
        if message.get("jsonrpc") != "2.0":
            raise Turned("400 Bad Request")
        method, params = message.get("method"), message.get("params", {})
        if method != "initialize":
            self._check_session(heard, message.get("id"))
        if "id" not in message or method is None:
            self.told.append(message)
            writer.write(_head("202 Accepted"))
            return
        name = params.get("name", method) if method == "tools/call" else method
        await self._mood(name, reader, writer)
        headers: dict[str, str] = {} if self.cookie is None else {"Set-Cookie": self.cookie}
        if method == "initialize" and self.keeps_sessions:
            headers["Mcp-Session-Id"] = f"{self.session_name}-{self.greeted + 1}"
            self._sessions[headers["Mcp-Session-Id"]] = set()
        result = self._result(heard, method, params)
        self._send(writer, {"jsonrpc": "2.0", "id": message["id"], **result}, headers, method)

    def _check_session(self, heard: Heard, id_: object = None) -> None:
        """Refuse what does not fit the greeting."""
        if heard.headers.get("mcp-protocol-version") not in REVISIONS:
            raise Turned("400 Bad Request")
        if not self.keeps_sessions:
            return
        if heard.session is None:
            raise Turned("400 Bad Request")
        if heard.session not in self._sessions:
            raise Turned(self.gone)
        if id_ is not None and str(id_) in self._sessions[heard.session]:
            raise Turned("400 Bad Request")
        self._sessions[heard.session].add(str(id_))

    async def _mood(
        self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if name in self.hangs_at:
            await reader.read()
            raise ConnectionError
        if name in self.status_at:
            raise Turned(self.status_at[name])
        if self.redirects_to is not None and name in [each["name"] for each in self.tools]:
            raise Turned(f"307 Temporary Redirect\r\nLocation: {self.redirects_to}")
        if name in self.floods_at:
            writer.write(_head("200 OK", "application/json"))
            for _ in range(800):
                writer.write(b" " * 65_536)
                self.sent_bytes += 65_536
                await writer.drain()

    def _result(self, heard: Heard, method: str, params: Json) -> Json:
        match method:
            case "initialize":
                self.greeted += 1
                asked = params["protocolVersion"]
                spoken = asked if asked in REVISIONS else REVISIONS[0]
                about = {"name": "test", "version": "1"}
                capabilities = {"tools": {"listChanged": True}}
                return {
                    "result": {
                        "protocolVersion": self.revision or spoken,
                        "capabilities": capabilities,
                        "serverInfo": about,
                    }
                }
            case "tools/list":
                return self._page(params.get("cursor"))
            case "tools/call":
                return self._called(heard, params)
            case _:
                return {"error": {"code": -32601, "message": "Method not found"}}

    def _page(self, cursor: str | None) -> Json:
        start = 0 if cursor is None else int(cursor)
        size = self.page_size or len(self.tools) or 1
        more = {"nextCursor": str(start + size)} if start + size < len(self.tools) else {}
        return {"result": {"tools": self.tools[start : start + size], **more}}

    def _called(self, heard: Heard, params: Json) -> Json:
        name, arguments = params["name"], params.get("arguments", {})
        if name not in [each["name"] for each in self.tools]:
            return {"error": {"code": -32602, "message": f"Unknown tool: {name}"}}
        self.called.append((heard.session, name, arguments))
        if name in self.refuses:
            return {"error": {"code": -32000, "message": self.refuses[name]}}
        answer = self.answers.get(name)
        return {"result": said(f"{name} was called") if answer is None else answer(arguments)}

    def _send(
        self, writer: asyncio.StreamWriter, answer: Json, headers: dict[str, str], method: str
    ) -> None:
        if not self.speaks_events:
            writer.write(_head("200 OK", "application/json", headers))
            writer.write(json.dumps(answer).encode())
            return
        writer.write(_head("200 OK", _EVENTS, headers) + b": a comment\n\n")
        for message in self.says_first if method == "tools/call" else []:
            writer.write(_event(message))
        writer.write(_event(answer))


@asynccontextmanager
async def served_mcp(server: McpServer | None = None, port: int = 0) -> AsyncGenerator[McpServer]:
    """Serve on a loopback port."""
    server = server or McpServer()
    listener = await asyncio.start_server(server.answer, "127.0.0.1", port)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/mcp"
    try:
        yield server
    finally:
        listener.close()


@contextmanager
def mcp_in_a_thread(server: McpServer) -> Generator[McpServer]:
    """Serve beside a test that is not async."""
    up, down = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with served_mcp(server):
            up.set()
            await down.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    up.wait(PATIENCE_SECONDS)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(down.set)
        thread.join(PATIENCE_SECONDS)
        loop.close()


_EVENTS = "text/event-stream"


async def _read(reader: asyncio.StreamReader) -> Heard:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
    pairs = (line.partition(": ") for line in head[1:] if line)
    headers = {name.lower(): value for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Heard(head[0].split()[0], headers, body)


def _head(status: str, kind: str = "", headers: dict[str, str] | None = None) -> bytes:
    kinds = {"Content-Type": kind} if kind else {"Content-Length": "0"}
    every = {**kinds, "Connection": "close", **(headers or {})}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in every.items()), "", ""]
    return "\r\n".join(lines).encode()


def _event(message: Json) -> bytes:
    return f"event: message\ndata: {json.dumps(message)}\n\n".encode()
