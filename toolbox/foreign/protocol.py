"""The part of MCP's JSON-RPC that a user of tools needs, without any I/O.

modelcontextprotocol.io, revision 2025-06-18: initialize, tools/list, tools/call, and what a
server may say in between. Everything read here was written by somebody else's server.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from toolbox.foreign.wording import cleaned

VERSIONS = ("2025-06-18", "2025-03-26", "2024-11-05")
"""Revisions in which tools are listed and called alike; the first is the one asked for."""
TOOLS_CHANGED = "notifications/tools/list_changed"
NO_METHOD = -32601
LONGEST_SENTENCE = 500
"""Characters of a server's own error that are told."""


class Unreadable(ValueError):
    """What came is no message of MCP; the text says what it is."""


class Fault(BaseModel):
    """Why a server did not do it."""

    model_config = ConfigDict(frozen=True)

    code: int
    message: str = ""

    @property
    def words(self) -> str:
        """The server's own, cleaned."""
        return cleaned(self.message, LONGEST_SENTENCE)


class Message(BaseModel):
    """Any message: an answer has no method, a notification no id."""

    model_config = ConfigDict(frozen=True)

    id: str | int | None = None
    method: str | None = None
    result: dict[str, Any] | None = None  # what a method makes of it is checked there
    error: Fault | None = None


class Listed(BaseModel):
    """A tool as its server describes it; nothing in it is believed."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(min_length=1, max_length=1_000)
    description: str | None = None
    inputSchema: object = None  # noqa: N815 - MCP's name


class _Page(BaseModel):
    tools: list[Any]  # each is read by itself, so that one wrong tool hides no other
    nextCursor: str | None = None  # noqa: N815 - MCP's name


class _Greeting(BaseModel):
    protocolVersion: str  # noqa: N815 - MCP's name
    capabilities: dict[str, Any] = {}


class _Called(BaseModel):
    content: list[dict[str, Any]] = []
    structuredContent: Any = None  # noqa: N815 - MCP's name
    isError: bool = False  # noqa: N815 - MCP's name


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a server's list of tools."""

    tools: tuple[Listed, ...]
    cursor: str | None
    """What the next page is asked for with; None after the last."""


@dataclass(frozen=True, slots=True)
class Returned:
    """What a call came to."""

    text: str
    is_error: bool


def request(id_: int, method: str, params: Mapping[str, object]) -> dict[str, object]:
    """Return a request."""
    return {"jsonrpc": "2.0", "id": id_, "method": method, "params": dict(params)}


def notification(method: str, params: Mapping[str, object] | None = None) -> dict[str, object]:
    """Return what is told, and not answered."""
    told: dict[str, object] = {"jsonrpc": "2.0", "method": method}
    return {**told, "params": dict(params)} if params else told


def greeting(version: str) -> dict[str, object]:
    """Return the params of `initialize`: a client that can do nothing but call tools."""
    about = {"name": "postern", "version": version}
    return {"protocolVersion": VERSIONS[0], "capabilities": {}, "clientInfo": about}


def reply_to(asked: Message) -> dict[str, object]:
    """Return the answer to what a server asks: it may see whether we are there, and no more."""
    answer: dict[str, object] = {"jsonrpc": "2.0", "id": asked.id}
    if asked.method == "ping":
        return {**answer, "result": {}}
    return {**answer, "error": {"code": NO_METHOD, "message": "This client only calls tools."}}


def read_messages(raw: str | bytes) -> list[Message]:
    """Read a message, or a batch as revision 2025-03-26 has them. Raises Unreadable."""
    try:
        found: object = from_json(raw)
        each = cast("list[object]", found) if isinstance(found, list) else [found]
        return [Message.model_validate(one) for one in each]
    except ValidationError:
        raise Unreadable("no message of MCP") from None
    except ValueError:
        raise Unreadable("no JSON") from None


def read_greeting(result: Mapping[str, Any]) -> str:
    """Return the revision that the server speaks. Raises Unreadable for one that we do not."""
    try:
        said = _Greeting.model_validate(result)
    except ValidationError:
        raise Unreadable("no greeting of MCP") from None
    if said.protocolVersion not in VERSIONS:
        spoken = cleaned(said.protocolVersion, 40)
        raise Unreadable(f'the greeting of revision "{spoken}", which is not spoken here')
    return said.protocolVersion


def read_page(result: Mapping[str, Any]) -> Page:
    """Read one page of the tools. Raises Unreadable."""
    try:
        page = _Page.model_validate(result)
    except ValidationError:
        raise Unreadable("no list of tools") from None
    tools: list[Listed] = []
    for each in page.tools:
        try:
            tools.append(Listed.model_validate(each))
        except ValidationError:
            continue
    return Page(tuple(tools), page.nextCursor or None)


def read_returned(result: Mapping[str, Any]) -> Returned:
    """Read what a call came to, as text. Raises Unreadable."""
    try:
        called = _Called.model_validate(result)
    except ValidationError:
        raise Unreadable("no answer to a call") from None
    parts = [_shown(each) for each in called.content]
    if not parts and called.structuredContent is not None:
        parts = [json.dumps(called.structuredContent, ensure_ascii=False)]
    return Returned("\n".join(parts) or "(nothing)", called.isError)


def _shown(content: Mapping[str, Any]) -> str:
    """Return one part of an answer; what is no text is named."""
    kind = content.get("type")
    if kind == "text" and isinstance(content.get("text"), str):
        return str(content["text"])
    inner = _object(content.get("resource"))
    if isinstance(inner.get("text"), str):
        return f"{inner.get('uri', '')}:\n{inner['text']}"
    about: object = content.get("uri") or inner.get("uri") or content.get("mimeType") or ""
    return f"[{cleaned(str(kind), 40)} {cleaned(str(about), 300)}: not shown]"


def _object(part: object) -> Mapping[str, object]:
    """Return it if it is an object, whose keys are always texts."""
    return cast("dict[str, object]", part) if isinstance(part, dict) else {}
