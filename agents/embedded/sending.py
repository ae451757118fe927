"""`send_message`: how memgpt-style agents speak, and what they said with it. Pure."""

import json
from typing import Final

from agents.embedded.records import AssistantSaid, ToolCall

SEND_MESSAGE: Final = "send_message"


def sent_text(reply: AssistantSaid) -> str:
    """What the agent said through `send_message` in this reply; empty when it did not."""
    texts = [_arguments(call).get("message") for call in reply.calls if is_sending(call)]
    return "\n\n".join(text for text in texts if isinstance(text, str))


def is_sending(call: ToolCall) -> bool:
    """Whether this call is the agent speaking."""
    return call.name == SEND_MESSAGE and not call.by_client


def wants_heartbeat(reply: AssistantSaid) -> bool:
    """Whether the agent asks to be called again after its message."""
    return any(_arguments(call).get("request_heartbeat") is True for call in reply.calls)


def _arguments(call: ToolCall) -> dict[str, object]:
    try:
        value: object = json.loads(call.arguments or "{}")
    except ValueError:
        return {}
    return dict(value) if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - any JSON
