"""`/mcp/{server}`: tools for agents that have a token, and `/mcp/tokens` where one is given."""

from __future__ import annotations

import json
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from adapters.api.guard import AdminOnly, read_body
from adapters.api.mcp_protocol import (
    NO_METHOD,
    VERSIONS,
    Refused,
    Rpc,
    answer,
    called,
    failure,
    initialized,
    listed,
    parse_call,
    parse_rpc,
)
from adapters.api.mcp_tokens import Claimed, make_token, read_token
from adapters.api.models import ApiBody, parse_body
from gateway.domain.ids import AgentId
from gateway.domain.tools import Caller, ToolCall, ToolResult, ToolSpec
from gateway.ports import Clock, OutsideCallStore

BODY_LIMIT_BYTES = 1_000_000
_MINUTE = timedelta(minutes=1)


class TokenBody(ApiBody):
    """`POST /mcp/tokens`."""

    person: str
    """`platform:workspace:user`, or the person's id."""
    agent: str
    days: int = Field(default=90, ge=1, le=3_650)


class Tools(Protocol):
    """The tools of one server."""

    def specs(self, turn: Caller) -> tuple[ToolSpec, ...]:
        """Return what this agent may call."""
        ...

    async def call(self, turn: Caller, call: ToolCall) -> ToolResult:
        """Carry it out within its limits; a failure is a result."""
        ...


@dataclass(frozen=True, slots=True)
class McpParts:
    """What the servers work with."""

    servers: Mapping[str, Tools]
    find: Callable[[str, str], Awaitable[Caller | None]]
    """Return a person's agent by account and role; None when there is none."""
    is_still: Callable[[Caller], Awaitable[bool]]
    """Whether this still is that person's agent, and the person may talk."""
    log: OutsideCallStore
    clock: Clock
    admin_token: str
    calls_per_minute: int = 60
    version: str = "1"


def make_mcp_router(parts: McpParts) -> APIRouter:
    """Return the routes. Only agents with a token get past the first; nothing is told before."""
    door = _Door(parts)
    router = APIRouter(prefix="/mcp")
    admin = [Depends(AdminOnly(parts.admin_token))]
    router.add_api_route("/tokens", door.token, methods=["POST"], dependencies=admin)
    router.add_api_route("/{server}", door.post, methods=["POST"])
    return router


class _Door:
    """One method per route. It remembers nothing of a client but how often it called."""

    def __init__(self, parts: McpParts) -> None:
        self._parts = parts
        self._pace = _Pace(parts.calls_per_minute, parts.clock)

    async def token(self, request: Request) -> Response:
        """Make a token for one agent: 201; it is shown this once."""
        body = parse_body(TokenBody, await read_body(request))
        caller = await self._parts.find(body.person, body.agent)
        if caller is None:
            raise HTTPException(404, f'"{body.person}" has no agent "{body.agent}" yet.')
        until = self._parts.clock.now() + timedelta(days=body.days)
        token = make_token(self._parts.admin_token, Claimed(caller, int(until.timestamp())))
        told = {"token": token, "agent_id": caller.agent, "until": until.isoformat()}
        return JSONResponse(told, 201)

    async def post(self, server: str, request: Request) -> Response:
        """Answer one message of MCP."""
        caller = await self._caller(request)
        tools = self._parts.servers.get(server)
        if tools is None:
            known = ", ".join(self._parts.servers)
            raise HTTPException(404, f'There is no server "{server[:100]}". There is {known}.')
        version = request.headers.get("mcp-protocol-version", VERSIONS[0])
        if version not in VERSIONS:
            raise HTTPException(400, f'Version "{version[:40]}" is not spoken here.')
        message = parse_rpc(await read_body(request, BODY_LIMIT_BYTES))
        if isinstance(message, Refused):
            return JSONResponse(failure(None, message), 400)
        if message.id is None:
            return Response(status_code=202)
        result = await self._result(caller, server, tools, message)
        if isinstance(result, Refused):
            return JSONResponse(failure(message.id, result))
        return JSONResponse(answer(message.id, result))

    async def _caller(self, request: Request) -> Caller:
        """Return who calls; one answer for every token that does not fit."""
        if "origin" in request.headers:
            # A page in somebody's browser: no agent (MCP's rule against DNS rebinding).
            raise HTTPException(403, "Pages may not call this.")
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        now = self._parts.clock.now().timestamp()
        claimed = read_token(self._parts.admin_token, given.strip(), now)
        is_known = scheme.lower() == "bearer" and claimed is not None
        if not is_known or claimed is None or not await self._parts.is_still(claimed.caller):
            sentence = "This needs an agent's token: Authorization: Bearer …"
            raise HTTPException(401, sentence, {"WWW-Authenticate": "Bearer"})
        return claimed.caller

    async def _result(
        self, caller: Caller, server: str, tools: Tools, message: Rpc
    ) -> dict[str, object] | Refused:
        match message.method:
            case "initialize":
                return initialized(message.params, server, self._parts.version)
            case "ping":
                return {}
            case "tools/list":
                return listed(tools.specs(caller))
            case "tools/call":
                return await self._call(caller, server, tools, message)
            case _:
                return Refused(NO_METHOD, f'There is no method "{message.method[:100]}" here.')

    async def _call(
        self, caller: Caller, server: str, tools: Tools, message: Rpc
    ) -> dict[str, object] | Refused:
        wished = parse_call(message.params, tools.specs(caller))
        if isinstance(wished, Refused):
            return wished
        self._pace.check(caller.agent)
        call = ToolCall(secrets.token_hex(8), wished.name, json.dumps(wished.arguments))
        result = await tools.call(caller, call)
        outcome = "failed" if result.is_error else "done"
        name = f"{server}.{wished.name}"
        now = self._parts.clock.now()
        await self._parts.log.log(caller.person, caller.agent, name, outcome, now)
        return called(result)


@dataclass(slots=True)
class _Pace:
    """How often each agent called within the last minute."""

    most: int
    clock: Clock
    calls: dict[AgentId, deque[float]] = field(default_factory=dict[AgentId, deque[float]])

    def check(self, agent: AgentId) -> None:
        """Count a call; raises HTTPException (429) for one too many."""
        now = self.clock.now().timestamp()
        calls = self.calls.setdefault(agent, deque())
        while calls and calls[0] <= now - _MINUTE.total_seconds():
            calls.popleft()
        if len(calls) >= self.most:
            wait = int(calls[0] + _MINUTE.total_seconds() - now) + 1
            sentence = f"{self.most} calls a minute are the most. Try again in {wait} seconds."
            raise HTTPException(429, sentence, {"Retry-After": str(wait)})
        calls.append(now)
