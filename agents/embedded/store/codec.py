"""Records as JSON text and back: the columns that hold more than one value. No SQL."""

import json
from dataclasses import fields
from functools import cache
from typing import Any, assert_never

from agents.embedded.records import (
    AssistantSaid,
    Body,
    ClientTool,
    Json,
    SystemSaid,
    ToolCall,
    ToolReturn,
    ToolsReturned,
    TurnRequest,
    Usage,
    UserSaid,
)

_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def dump(value: object) -> str:
    """Compact JSON."""
    return _to_json(value)


def load_object(text: str) -> dict[str, Any]:
    """A JSON object."""
    if text == "{}":  # as most columns are, of which every step reads a dozen
        return {}
    value: dict[str, Any] = json.loads(text)
    return value


def load_strings(text: str) -> tuple[str, ...]:
    """A JSON list of strings."""
    return () if text == "[]" else tuple(json.loads(text))


def dump_body(body: Body) -> str:
    """A message's body, with its role beside it."""
    match body:
        case UserSaid(content):
            return dump({"role": "user", "content": content})
        case SystemSaid(content):
            return dump({"role": "system", "content": content})
        case AssistantSaid():
            calls = [_fields(call) for call in body.calls]
            return dump({"role": "assistant", **_fields(body), "calls": calls})
        case ToolsReturned(returns):
            return dump({"role": "tool", "returns": [_fields(item) for item in returns]})
        case _:
            assert_never(body)


def load_body(text: str) -> Body:
    """The body that `dump_body` wrote."""
    data = load_object(text)
    match data["role"]:
        case "user":
            return UserSaid(data["content"])
        case "system":
            return SystemSaid(data["content"])
        case "assistant":
            calls = tuple(ToolCall(**call) for call in data["calls"])
            return AssistantSaid(data["text"], data["reasoning"], calls)
        case _:
            return ToolsReturned(tuple(load_return(item) for item in data["returns"]))


def load_return(data: dict[str, Any]) -> ToolReturn:
    """One tool's answer."""
    return ToolReturn(
        tool_call_id=data["tool_call_id"],
        name=data["name"],
        status=data["status"],
        text=data["text"],
        stdout=tuple(data["stdout"]),
        stderr=tuple(data["stderr"]),
    )


def dump_request(request: TurnRequest) -> str:
    """How a turn was asked for."""
    tools = [_fields(tool) for tool in request.client_tools]
    return dump({**_fields(request), "client_tools": tools})


def load_request(text: str) -> TurnRequest:
    """The request that `dump_request` wrote."""
    data = load_object(text)
    types = data["message_types"]
    return TurnRequest(
        client_tools=tuple(ClientTool(**tool) for tool in data["client_tools"]),
        max_steps=data["max_steps"],
        stream_tokens=data["stream_tokens"],
        include_pings=data["include_pings"],
        message_types=None if types is None else tuple(types),
        override_model=data["override_model"],
        override_system=data["override_system"],
        background=data["background"],
    )


def dump_usage(usage: Usage) -> str:
    """Token counts."""
    return dump(_fields(usage))


def load_usage(text: str) -> Usage:
    """The counts that `dump_usage` wrote."""
    return Usage(**load_object(text))


def _fields(
    record: Usage | TurnRequest | ClientTool | AssistantSaid | ToolCall | ToolReturn,
) -> Json:
    """A record's fields as they are: `dataclasses.asdict` would copy them all, deeply."""
    return {name: getattr(record, name) for name in _names(type(record))}


@cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    """The names of a record's fields. Any: whatever dataclass it is."""
    return tuple(field.name for field in fields(kind))
