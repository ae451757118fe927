"""The App Server's frames: the commands that we send, and what is read out of answers. Pure.

Every frame is a JSON object with a `type`; a command with a `request_id` has one answer with the
same. The shapes are those of letta 0.34.12 (protocol version 1), as seen on the wire. A frame
that breaks the server's own rules it drops without a word, so these are built in one place.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from gateway.domain.ids import AgentId, SessionId
from gateway.domain.tools import ToolResult, ToolSpec
from gateway.domain.turns import Image, InputMessage, RunRequest

Json = dict[str, Any]
"""An object off the wire: Any, because nobody has checked what is in it."""

Content = str | list[Json]
"""What is said: a text, or parts, where pictures are among it."""

PAGE = 100
TOOL_WAIT_MS = 300_000
"""The longest that the server waits for a tool; it drops a command that asks for more."""
_KEYS = uuid.UUID("0b0e4f8e-8d0f-5c1b-9c55-0f1f0a6f6f34")
_MOST_KEYS = 4


@dataclass(frozen=True, slots=True)
class Scope:
    """One conversation of one agent: what a turn runs in."""

    agent: AgentId
    conversation: SessionId

    def wire(self) -> Json:
        """Return it as the server writes it."""
        return {"agent_id": self.agent, "conversation_id": self.conversation}


# -- commands ----------------------------------------------------------------------------------


def subscribe(scope: Scope, tools: Sequence[ToolSpec] = ()) -> Json:
    """Hear a conversation, and own these tools there: their calls come to this connection alone.

    `unrestricted` lets the tools that a turn is offered run unasked. Which these are is said
    by every input: see `speak`.
    """
    definitions = [
        {
            "name": tool.name,
            "description": tool.description,
            "parameters": dict(tool.parameters),
            "timeout_ms": TOOL_WAIT_MS,
            "auto_background": False,
        }
        for tool in tools
    ]
    return {
        "type": "runtime_start",
        **scope.wire(),
        "mode": "unrestricted",
        "skill_sources": [],
        "external_tools": [{"tools": definitions}],
    }


def speak(scope: Scope, messages: Sequence[tuple[Content, str]], tools: Sequence[ToolSpec]) -> Json:
    """Say something: messages with their client message ids. A picture too odd to see is left out.

    The allow-list names our own tools and nothing else. Without one the model is given the
    server's: a shell, and writing to its files.
    """
    return {
        "type": "input",
        "runtime": scope.wire(),
        "payload": {
            "kind": "create_message",
            "messages": [
                {"role": "user", "content": content, "client_message_id": key}
                for content, key in messages
            ],
            "client_tool_allowlist": [tool.name for tool in tools],
            "exclude_interactive_tools": True,
            "image_failure_mode": "drop",
        },
    }


def tool_answer(request_id: str, result: ToolResult) -> Json:
    """Answer the call of a tool."""
    return {
        "type": "external_tool_call_response",
        "request_id": request_id,
        "result": {
            "content": [{"type": "text", "text": result.text}],
            "is_error": result.is_error,
        },
    }


# -- idempotency -------------------------------------------------------------------------------


def keys_of(otid: str) -> list[str]:
    """Return the ids under which a round may have been sent, in the order of their use.

    The first is its otid. The server takes an id only once, so that a round which has to be
    said again, in a conversation that replaces a stuck one, needs the next.
    """
    return [otid, *(str(uuid.uuid5(_KEYS, f"{otid} {n}")) for n in range(1, _MOST_KEYS))]


def said_by(request: RunRequest, key: str) -> list[tuple[Content, str]]:
    """Return the round as messages with their ids, the first with this one.

    Results of tools are a message only where nobody waits for them any more: the turn that
    asked has ended, with its gateway or after too long a wait.
    """
    results = [item for item in request.input if isinstance(item, ToolResult)]
    if results:
        return [(_late(results), key)]
    said = [item for item in request.input if isinstance(item, InputMessage)]
    others = (str(uuid.uuid5(_KEYS, f"{key} {item.otid}")) for item in said[1:])
    return [(_content(item), own) for item, own in zip(said, [key, *others], strict=True)]


def _content(said: InputMessage) -> Content:
    if not said.images:
        return said.text
    return [{"type": "text", "text": said.text}, *(_picture(image) for image in said.images)]


def _picture(image: Image) -> Json:
    data = base64.b64encode(image.data).decode()
    source = {"type": "base64", "media_type": image.media_type, "data": data}
    return {"type": "image", "source": source}


def _late(results: Sequence[ToolResult]) -> str:
    lines = (f"{'failed' if result.is_error else 'done'}: {result.text}" for result in results)
    return "\n".join(
        [
            "[The tools that you called before the interruption have answered. Go on from here.]",
            *lines,
        ]
    )


# -- reading -----------------------------------------------------------------------------------


def parse(text: str | bytes) -> Json | None:
    """Return the frame; None for what is none."""
    try:
        frame = json.loads(text)
    except ValueError:
        return None
    return frame if is_json(frame) else None


def is_json(value: object) -> TypeGuard[Json]:
    """Whether this is an object of JSON."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[object]]:
    """Whether this is an array of JSON."""
    return isinstance(value, list)


def objects(value: object) -> list[Json]:
    """Return the objects of a list; nothing for what is no list."""
    return [item for item in value if is_json(item)] if is_list(value) else []


def texts(value: object) -> list[str]:
    """Return the texts of a list; nothing for what is no list."""
    return [item for item in value if isinstance(item, str)] if is_list(value) else []


def text_at(frame: Mapping[str, Any], key: str) -> str:
    """Return the text under a key; empty where there is none."""
    value = frame.get(key)
    return value if isinstance(value, str) else ""


def object_at(frame: Mapping[str, Any], key: str) -> Json:
    """Return the object under a key; empty where there is none."""
    value = frame.get(key)
    return value if is_json(value) else {}


def content_of(message: Mapping[str, Any]) -> str:
    """Return the words of a message, which come as a text or as a list of parts."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "".join(text_at(part, "text") for part in objects(content))
