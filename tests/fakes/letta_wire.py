"""A Letta that can be broken at any byte: HTTP and server-sent events by hand, over loopback.

It speaks what Letta 0.16.8 speaks to letta-client, as far as the adapter uses it, and refuses
requests that 0.16.8 would refuse, or that would make a turn unsafe there (no otid, no
background). Runs are finished as soon as they begin; tests decide how they are heard.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.letta_events import (
    PENDING,
    Json,
    directed_of,
    error_events,
    frame_of,
    join_calls,
    ping_frame,
    record_of,
)


@dataclass(frozen=True)
class Cut:
    """The connection is gone after this many bytes of the body."""

    after_bytes: int
    is_clean: bool = False
    """The body is ended as if that was all, as a proxy would."""


@dataclass(frozen=True)
class Instead:
    """Another answer than the one that was asked for; nothing happens in Letta."""

    status: int
    body: str | Json
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class OnlyPings:
    """The stream stays open and pings, and nothing else comes (its Redis has lost it)."""


Fault = Cut | Instead | OnlyPings


@dataclass
class Run:
    """One run: what it streams, and what is stored of it."""

    id: str
    thread: str
    frames: list[str]
    record: Json
    messages: list[Json]


@dataclass
class Request:
    """What a client asked."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any


class Refusal(Exception):
    """An answer that is not 200."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


@dataclass
class LettaWire:
    """The server's memory, and what tests make of it."""

    url: str = ""
    stream_faults: deque[Fault] = field(default_factory=deque[Fault])
    """What happens to the next streams that are opened, oldest first."""
    call_faults: deque[Fault] = field(default_factory=deque[Fault])
    """What happens to the next other calls."""
    scripts: deque[list[Json]] = field(default_factory=deque[list[Json]])
    """The events of the next runs; without one, a run follows the directives it hears."""
    runs: dict[str, Run] = field(default_factory=dict[str, Run])
    by_token: dict[str, Run] = field(default_factory=dict[str, Run])
    requests: list[Request] = field(default_factory=list[Request])
    malformed: list[str] = field(default_factory=list[str])
    """Requests that no Letta would take; tests end with none."""
    pending: dict[str, list[Json]] = field(default_factory=dict[str, list[Json]])
    """The calls that a thread waits for."""
    busy: dict[str, int] = field(default_factory=dict[str, int])
    """How often a thread still answers that it is busy."""
    agents: list[Json] = field(default_factory=list[Json])
    threads: list[Json] = field(default_factory=list[Json])
    expired_status: int | None = None
    """The streams of all runs are over for good, and this is said instead."""
    pending_is_status: bool = False
    """Say PENDING_APPROVAL as HTTP 409 rather than as an error in the stream."""
    numbers_events: bool = True
    """Whether events carry a `seq_id`."""
    keeps_one_call: bool = False
    """Of several calls in one step, keep and await the first, as for an agent that may make one."""
    connections: int = 0
    newest_first: bool = False
    """The order in which `order=desc` is answered."""

    def paths(self, method: str, ending: str) -> list[Request]:
        """Return the requests with this method whose path ends so."""
        return [r for r in self.requests if r.method == method and r.path.endswith(ending)]

    @property
    def started(self) -> list[Run]:
        """All runs, in the order of their start."""
        return list(self.runs.values())

    # -- HTTP

    async def serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        self.connections += 1
        try:
            while request := await _read_request(reader):
                self.requests.append(request)
                if not await self._answer(request, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        is_stream = request.method == "POST" and request.path.endswith(("/messages", "/stream"))
        faults = self.stream_faults if is_stream else self.call_faults
        fault = faults.popleft() if faults else None
        if isinstance(fault, Instead):
            await _send(writer, fault.status, fault.body, dict(fault.headers))
            return True
        try:
            if is_stream:
                return await _stream(writer, self._open_stream(request), fault)
            await _send(writer, 200, self._call(request))
        except Refusal as refusal:
            await _send(writer, refusal.status, refusal.body)
        return True

    # -- streams

    def _open_stream(self, request: Request) -> list[str]:
        parts = request.path.strip("/").split("/")
        if parts[1] == "conversations":
            return self._send_messages(parts[2], request.body).frames
        if set(request.body) - {"starting_after"} or not isinstance(
            request.body.get("starting_after"), int
        ):
            self._refuse_malformed("stream without a place to begin")
        run = self._run(parts[2])
        if self.expired_status is not None:
            raise Refusal(self.expired_status, {"detail": "EXPIRED: the stream is gone"})
        after = request.body["starting_after"]
        return [frame for number, frame in enumerate(run.frames, 1) if number > after]

    def _send_messages(self, thread: str, body: Json) -> Run:
        messages = self._check_messages(body)
        token = "|".join(message["otid"] for message in messages)
        if token in self.by_token:
            return self.by_token[token]
        if self.busy.get(thread, 0) > 0:
            self.busy[thread] -= 1
            sentence = "CONFLICT: Cannot send a new message: Another request is being processed."
            last = self.started[-1].id if self.runs else None
            raise Refusal(409, {"detail": sentence, **({"run_id": last} if last else {})})
        if self.pending_is_status and self.pending.get(thread) and "role" in messages[0]:
            detail = {"code": "PENDING_APPROVAL", "pending_request_id": "message-1"}
            raise Refusal(409, {"detail": detail})
        run = self._start(thread, messages, body.get("client_tools") or [])
        self.by_token[token] = run
        return run

    def _check_messages(self, body: Json) -> list[Json]:
        messages: list[Json] = body.get("messages") or []
        if not messages:
            self._refuse_malformed("no messages")
        if body.get("background") is not True or body.get("stream_tokens") is not True:
            self._refuse_malformed("a run that could not be resumed")
        otids = [message.get("otid") for message in messages]
        if not all(otids) or len(set(otids)) < len(otids):
            self._refuse_malformed("messages without otids of their own")
        for message in messages:
            is_said = message.get("role") == "user" and message.get("content")
            if not is_said and message.get("type") != "tool_return":
                self._refuse_malformed("a message of no known kind")
        return messages

    def _refuse_malformed(self, why: str) -> None:
        self.malformed.append(why)
        raise Refusal(422, {"detail": [{"msg": why}]})

    def _start(self, thread: str, messages: list[Json], tools: list[Json]) -> Run:
        run_id = f"run-{uuid.uuid4()}"
        events = list(self._events(thread, messages, tools))
        frames = [ping_frame(run_id)]
        for event in events:
            number = len(frames) + 1 if self.numbers_events else None
            frames.append(frame_of({**event, "run_id": run_id, "seq_id": number}))
        kept = self._kept(events)
        record, stored = record_of(run_id, len(self.runs), thread, messages, kept)
        run = Run(run_id, thread, [*frames, "data: [DONE]\n\n"], record, stored)
        self.runs[run_id] = run
        return run

    def _events(self, thread: str, messages: list[Json], tools: list[Json]) -> Iterable[Json]:
        waiting = self.pending.get(thread, [])
        returns = messages[0].get("tool_returns")
        if returns is None and waiting:
            return error_events("internal_error", PENDING, stop_reason="error")
        if returns is not None:
            expected = {call["tool_call_id"] for call in waiting}
            if {item["tool_call_id"] for item in returns} != expected:
                return error_events("internal_error", "Invalid tool call IDs.", "error")
            self.pending.pop(thread, None)
        events = list(self.scripts.popleft() if self.scripts else directed_of(messages, tools))
        calls = [event for event in events if event["message_type"] == "approval_request_message"]
        if calls and events[-1].get("stop_reason") == "requires_approval":
            self.pending[thread] = join_calls(self._kept(calls))
        return events

    def _kept(self, events: list[Json]) -> list[Json]:
        """Return what is stored of what is streamed."""
        asked = [event["tool_call"]["tool_call_id"] for event in events if "tool_call" in event]
        if not self.keeps_one_call or not asked:
            return events
        return [e for e in events if e.get("tool_call", {}).get("tool_call_id") in (None, asked[0])]

    # -- other calls

    def _call(self, request: Request) -> Any:
        parts = request.path.strip("/").split("/")[1:]
        match (request.method, *parts):
            case ("GET", "health"):
                return {"status": "ok", "version": "0.16.8"}
            case ("GET", "runs", run):
                return self._run(run).record
            case ("GET", "runs", run, "messages"):
                return _page(self._run(run).messages, request)
            case ("GET", "conversations", thread, "messages"):
                return self._newest(thread)
            case ("POST", "conversations", _, "cancel"):
                raise Refusal(409, {"detail": "CONFLICT: No active runs to cancel"})
            case ("GET", "conversations"):
                return self._find_threads(request)
            case ("POST", "conversations"):
                return self._make(self.threads, "conv", {**request.body, **_flat(request)})
            case ("GET", "agents"):
                return self._find_agents(request)
            case ("POST", "agents"):
                return self._make(self.agents, "agent", request.body)
            case _:
                self.malformed.append(f"{request.method} {request.path}")
                raise Refusal(404, {"detail": "Not Found"})

    def _run(self, run: str) -> Run:
        if run not in self.runs:
            raise Refusal(404, {"detail": f"NOT_FOUND: Run with id {run} not found"})
        return self.runs[run]

    def _newest(self, thread: str) -> list[Json]:
        stored = [m for run in self.started if run.thread == thread for m in run.messages][-10:]
        return stored[::-1] if self.newest_first else stored

    def _find_threads(self, request: Request) -> list[Json]:
        wanted = _flat(request)
        found = [
            thread
            for thread in self.threads
            if thread["agent_id"] == wanted["agent_id"]
            and wanted.get("summary_search", "") in thread["summary"]
        ]
        return _page(found, request)

    def _find_agents(self, request: Request) -> list[Json]:
        wanted = set(request.query.get("tags", []))
        if _flat(request).get("match_all_tags") != "true":
            self._refuse_malformed("a look-up that may find others")
        return [agent for agent in self.agents if wanted <= set(agent["tags"])]

    def _make(self, shelf: list[Json], kind: str, body: Json) -> Json:
        made = {
            **body,
            "id": f"{kind}-{uuid.uuid4()}",
            "created_at": f"2026-01-{len(shelf) + 1:02}",
        }
        shelf.append(made)
        return made


@asynccontextmanager
async def serving_letta() -> AsyncGenerator[LettaWire]:
    """Serve on a free port; a request that was malformed fails the test that made it."""
    wire = LettaWire()
    server = await asyncio.start_server(wire.serve_one, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    wire.url = f"http://{host}:{port}"
    try:
        yield wire
    finally:
        server.close()
    assert wire.malformed == []


# -- bytes ---------------------------------------------------------------------------------------


async def _read_request(reader: asyncio.StreamReader) -> Request | None:
    line = await reader.readline()
    if not line:
        return None
    method, target, _ = line.decode().split(" ")
    headers: dict[str, str] = {}
    while (header := (await reader.readline()).decode().strip()) != "":
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    content = await reader.readexactly(int(headers.get("content-length", "0")))
    url = urlsplit(target)
    body: Any = json.loads(content or b"{}")
    return Request(method, url.path.rstrip("/"), parse_qs(url.query), headers, body)


async def _send(
    writer: asyncio.StreamWriter, status: int, body: Any, headers: dict[str, str] | None = None
) -> None:
    content = body if isinstance(body, str) else json.dumps(body)
    kind = "text/html" if isinstance(body, str) else "application/json"
    lines = [f"HTTP/1.1 {status} Whatever", f"content-type: {kind}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    lines += [f"content-length: {len(content.encode())}", "", content]
    writer.write("\r\n".join(lines).encode())
    await writer.drain()


async def _stream(writer: asyncio.StreamWriter, frames: list[str], fault: Fault | None) -> bool:
    """Send the frames as one chunked body; returns whether the connection can be used again."""
    head = (
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    writer.write(head.encode())
    body = "".join(frames).encode()
    if isinstance(fault, OnlyPings):
        while True:
            ping = frame_of({"message_type": "ping", "id": "ping-9"})
            _write_chunk(writer, ping.encode())
            await writer.drain()
            await asyncio.sleep(0.005)
    if isinstance(fault, Cut):
        _write_chunk(writer, body[: fault.after_bytes])
        if fault.is_clean:
            writer.write(b"0\r\n\r\n")
        await writer.drain()
        return False
    _write_chunk(writer, body)
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


def _write_chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    if data:
        writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


def _page(items: list[Json], request: Request) -> list[Json]:
    wanted = _flat(request)
    ids = [item["id"] for item in items]
    start = ids.index(wanted["after"]) + 1 if wanted.get("after") in ids else 0
    return items[start : start + int(wanted.get("limit", "50"))]


def _flat(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in request.query.items()}
