"""Beginning turns and collecting what comes out of their streams."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from letta_client import APIStatusError, AsyncLetta, AsyncStream

Param: TypeAlias = Any
"""Part of a request: Any, since the client's own TypedDicts forbid what the tests must try."""

WEATHER: Param = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


@dataclass
class Heard:
    """One stream, as far as it was read."""

    run_id: str = ""
    text: str = ""
    reasoning: str = ""
    kinds: list[str] = field(default_factory=list[str])
    seqs: list[int] = field(default_factory=list[int])
    message_ids: set[str] = field(default_factory=set[str])
    otids: set[str] = field(default_factory=set[str])
    calls: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    returns: list[str] = field(default_factory=list[str])
    stop_reason: str = ""
    usage: dict[str, Any] = field(default_factory=dict[str, Any])
    error: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def last_seq(self) -> int:
        """The highest sequence number so far."""
        return max(self.seqs, default=0)

    def take(self, event: Any) -> None:
        """Any: an event of the client's union, read as the plain JSON it came from."""
        data: dict[str, Any] = event.to_dict(mode="json")
        kind = data["message_type"]
        self.kinds.append(kind)
        if data.get("seq_id") is not None:
            self.seqs.append(data["seq_id"])
        self.run_id = data.get("run_id") or self.run_id
        match kind:
            case "assistant_message":
                self.text += data["content"]
                self.message_ids.add(data["id"])
                self.otids.add(data["otid"])
            case "reasoning_message":
                self.reasoning += data["reasoning"]
            case "tool_call_message" | "approval_request_message":
                self._take_call(data["tool_call"])
            case "tool_return_message":
                self.returns.append(data["tool_return"])
            case "stop_reason":
                self.stop_reason = data["stop_reason"]
            case "usage_statistics":
                self.usage = data
            case _:
                pass

    def _take_call(self, fragment: dict[str, Any]) -> None:
        call = self.calls.setdefault(fragment["tool_call_id"], {"name": "", "arguments": ""})
        call["name"] += fragment.get("name") or ""
        call["arguments"] += fragment.get("arguments") or ""


async def listen(stream: AsyncStream[Any], until: int | None = None) -> Heard:
    """Read a stream to its end, or to so many events; an error event is kept, not raised."""
    heard = Heard()
    try:
        async for event in stream:
            heard.take(event)
            if until is not None and len(heard.kinds) >= until:
                break
    except APIStatusError as error:
        heard.error = body_of(error)
    finally:
        await stream.close()
    return heard


def body_of(error: APIStatusError) -> dict[str, Any]:
    """The JSON object that a refusal carries."""
    return cast("dict[str, Any]", error.body)


def user(text: str, otid: str | None = None) -> Param:
    """A user message of its own."""
    return {"role": "user", "content": text, "otid": otid or str(uuid.uuid4())}


async def begin(
    client: AsyncLetta,
    conversation_id: str,
    messages: Iterable[Param],
    **options: Any,
) -> AsyncStream[Any]:
    """Begin a turn as the gateway does: background, token by token. Any: client options."""
    given: dict[str, Any] = {"background": True, "stream_tokens": True, **options}
    return await client.conversations.messages.create(
        conversation_id, messages=list(messages), **given
    )


async def say(client: AsyncLetta, conversation_id: str, text: str, **options: Any) -> Heard:
    """One user message, its turn heard to the end."""
    return await listen(await begin(client, conversation_id, [user(text)], **options))


def returns(calls: dict[str, dict[str, str]], text: str, status: str = "success") -> Param:
    """The client's answer to all of these calls."""
    answers = [
        {"type": "tool", "tool_call_id": call_id, "tool_return": text, "status": status}
        for call_id in calls
    ]
    return {"type": "tool_return", "tool_returns": answers, "otid": str(uuid.uuid4())}
