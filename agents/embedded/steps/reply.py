"""Parsing: the model's pieces become one reply, and the events that show it live."""

from dataclasses import dataclass, replace

from agents.embedded.ids import part_otid
from agents.embedded.models.model import (
    CallDelta,
    ModelEvent,
    ReasoningDelta,
    TextDelta,
    UsageCounted,
)
from agents.embedded.records import AssistantSaid, Json, ToolCall, Usage
from agents.embedded.sending import SEND_MESSAGE


@dataclass(frozen=True, slots=True)
class ReplyHead:
    """What every event of one reply carries."""

    message_id: str
    run_id: str
    step_id: str
    date: str


class ReplyParser:
    """Collects one reply; `take` gives the event to show for each piece, if any."""

    def __init__(self, head: ReplyHead, client_tools: frozenset[str]) -> None:
        self._head = head
        self._client_tools = client_tools
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: dict[int, ToolCall] = {}
        self._otids: dict[str, str] = {}
        self.usage = Usage(steps=1)

    @property
    def reply(self) -> AssistantSaid:
        """The reply so far."""
        calls = tuple(call for _, call in sorted(self._calls.items()))
        return AssistantSaid("".join(self._text), "".join(self._reasoning), calls)

    def take(self, event: ModelEvent) -> Json | None:
        """Add a piece."""
        match event:
            case TextDelta(text):
                self._text.append(text)
                return self._event("assistant_message", content=text)
            case ReasoningDelta(text):
                self._reasoning.append(text)
                return self._event("reasoning_message", reasoning=text, source="reasoner_model")
            case CallDelta():
                return self._take_call(event)
            case UsageCounted(usage):
                self.usage = replace(usage, steps=1)
                return None

    def _take_call(self, delta: CallDelta) -> Json | None:
        known = self._calls.get(delta.index)
        if known is None:
            name = delta.name or ""
            known = ToolCall(delta.id or f"call_{delta.index}", name, "", self._is_client(name))
        call = replace(known, arguments=known.arguments + delta.arguments)
        self._calls[delta.index] = call
        if call.name == SEND_MESSAGE and not call.by_client:
            return None
        kind = "approval_request_message" if call.by_client else "tool_call_message"
        fragment = {
            "name": delta.name,
            "arguments": delta.arguments,
            "tool_call_id": call.id,
        }
        return self._event(kind, tool_call=fragment, tool_calls=fragment)

    def _is_client(self, name: str) -> bool:
        return name in self._client_tools

    def _event(self, kind: str, **fields: object) -> Json:
        head = self._head
        otid = self._otids.get(kind)
        if otid is None:
            otid = self._otids[kind] = part_otid(head.message_id, len(self._otids))
        return {
            "message_type": kind,
            "id": head.message_id,
            "date": head.date,
            "otid": otid,
            "run_id": head.run_id,
            "step_id": head.step_id,
            **fields,
        }
