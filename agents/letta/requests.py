"""A round in Letta's words: messages with otids, tool returns, client tools. Pure."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Sequence

from letta_client.types.agents.image_content_param import ImageContentParam, SourceBase64Image
from letta_client.types.agents.text_content_param import TextContentParam
from letta_client.types.agents.tool_return_param import ToolReturnParam
from letta_client.types.conversations.message_create_params import (
    ClientTool,
    Message,
    MessageToolReturnCreate,
)
from letta_client.types.letta_message_content_union_param import LettaMessageContentUnionParam
from letta_client.types.message_create_param import MessageCreateParam

from gateway.domain.tools import ToolCall, ToolResult, ToolSpec
from gateway.domain.turns import Image, InputMessage, RunRequest

_OTIDS = uuid.UUID("5f0c2f57-7d5c-5f0a-9a0e-3a1c6c1b7f42")


def otid_of(request: RunRequest, key: int) -> str:
    """Return the otid of the round's first message, under its first, second … key.

    The first is the round's own. Another is needed where that one led to a run that was
    refused: Letta answers an otid that it knows with the run that it knows.
    """
    return _keyed(request.otid, key)


def messages_of(request: RunRequest, key: int) -> list[Message]:
    """Return what is sent; every message with an otid of its own, the same in every repeat."""
    first = otid_of(request, key)
    results = [item for item in request.input if isinstance(item, ToolResult)]
    if results:
        return [_returns(results, first)]
    said = [item for item in request.input if isinstance(item, InputMessage)]
    otids = [first, *(_keyed(item.otid, key) for item in said[1:])]
    return [
        MessageCreateParam(role="user", content=_content(item), otid=otid)
        for item, otid in zip(said, otids, strict=True)
    ]


def refusals_of(calls: Sequence[ToolCall], reason: str, key: str) -> list[Message]:
    """Return the message that answers stale calls with errors; the same under the same key."""
    results = [ToolResult(call.id, reason, is_error=True) for call in calls]
    otid = _derived("refused", key, *(call.id for call in calls))
    return [_returns(results, otid)]


def tools_of(specs: Sequence[ToolSpec]) -> list[ClientTool]:
    """Return the tools that the gateway carries out, as Letta shows them to the model."""
    return [
        ClientTool(name=spec.name, description=spec.description, parameters=dict(spec.parameters))
        for spec in specs
    ]


def _content(said: InputMessage) -> str | list[LettaMessageContentUnionParam]:
    """A text stays a plain string, which every Letta server takes."""
    if not said.images:
        return said.text
    text = TextContentParam(type="text", text=said.text)
    return [text, *(_image(image) for image in said.images)]


def _image(image: Image) -> ImageContentParam:
    data = base64.b64encode(image.data).decode()
    source = SourceBase64Image(type="base64", media_type=image.media_type, data=data)
    return ImageContentParam(type="image", source=source)


def _returns(results: Sequence[ToolResult], otid: str) -> MessageToolReturnCreate:
    """All results in one message: Letta refuses a part of them (400)."""
    return MessageToolReturnCreate(
        type="tool_return", otid=otid, tool_returns=[_return(result) for result in results]
    )


def _return(result: ToolResult) -> ToolReturnParam:
    return ToolReturnParam(
        type="tool",
        tool_call_id=result.call_id,
        tool_return=result.text,
        status="error" if result.is_error else "success",
    )


def _keyed(otid: str, key: int) -> str:
    return otid if key == 0 else _derived(otid, f"key {key}")


def _derived(*parts: str) -> str:
    return str(uuid.uuid5(_OTIDS, "\n".join(parts)))
