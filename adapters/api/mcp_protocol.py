"""The part of MCP's JSON-RPC that a server of tools needs, without any I/O.

One request in, one answer out (modelcontextprotocol.io, "Streamable HTTP", revision
2025-06-18): initialize, ping, tools/list, tools/call. No sessions, no streams, no batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.domain.tools import ToolResult, ToolSpec

VERSIONS = ("2025-06-18", "2025-03-26", "2024-11-05")
"""Revisions that this part of the protocol is the same in; the first is the newest."""

PARSE_ERROR, INVALID_REQUEST, NO_METHOD, INVALID_PARAMS = -32700, -32600, -32601, -32602


class Rpc(BaseModel):
    """A request, or without an id a notification."""

    model_config = ConfigDict(frozen=True)

    jsonrpc: str
    method: str
    id: str | int | None = None
    params: dict[str, Any] = {}  # what a method makes of it is checked there


@dataclass(frozen=True, slots=True)
class Refused:
    """What is answered to what is no request."""

    code: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Called:
    """What `tools/call` asks for."""

    name: str
    arguments: dict[str, Any]


def parse_rpc(raw: bytes) -> Rpc | Refused:
    """Read a message."""
    try:
        message = Rpc.model_validate_json(raw)
    except ValidationError as error:
        kind = error.errors(include_url=False, include_input=False)[0]["type"]
        if kind == "json_invalid":
            return Refused(PARSE_ERROR, "The body is no JSON.")
        return Refused(INVALID_REQUEST, "The body is no JSON-RPC message; there are no batches.")
    if message.jsonrpc != "2.0":
        return Refused(INVALID_REQUEST, 'jsonrpc has to be "2.0".')
    return message


def parse_call(params: dict[str, Any], known: Sequence[ToolSpec]) -> Called | Refused:
    """Read what is to be called; its arguments are checked by the tool."""
    name, arguments = params.get("name"), params.get("arguments")
    if not isinstance(name, str) or name not in {spec.name for spec in known}:
        return Refused(INVALID_PARAMS, f"Unknown tool: {str(name)[:100]}")
    if arguments is not None and not isinstance(arguments, dict):
        return Refused(INVALID_PARAMS, "arguments has to be an object.")
    return Called(name, cast("dict[str, Any]", arguments or {}))


def initialized(params: dict[str, Any], server: str, version: str) -> dict[str, object]:
    """Return what a client is greeted with."""
    wished = params.get("protocolVersion")
    return {
        "protocolVersion": wished if wished in VERSIONS else VERSIONS[0],
        "capabilities": {"tools": {"listChanged": False}},
        "serverInfo": {"name": f"postern-{server}", "version": version},
    }


def listed(specs: Sequence[ToolSpec]) -> dict[str, object]:
    """Return the tools as a client reads them."""
    tools = [
        {"name": spec.name, "description": spec.description, "inputSchema": spec.parameters}
        for spec in specs
    ]
    return {"tools": tools}


def called(result: ToolResult) -> dict[str, object]:
    """Return what a call came to."""
    content = [{"type": "text", "text": result.text}]
    return {"content": content, "isError": result.is_error}


def answer(id_: str | int | None, result: dict[str, object]) -> dict[str, object]:
    """Return the answer to a request."""
    return {"jsonrpc": "2.0", "id": id_, "result": result}


def failure(id_: str | int | None, refused: Refused) -> dict[str, object]:
    """Return the answer to what can not be done."""
    error = {"code": refused.code, "message": refused.sentence}
    return {"jsonrpc": "2.0", "id": id_, "error": error}
