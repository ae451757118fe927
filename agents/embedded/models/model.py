"""What the step loop asks of a language model, and what it gets back, piece by piece."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from agents.embedded.records import Block, Json, Message, Usage


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """A tool the model may call in this step."""

    name: str
    description: str
    parameters: Json
    by_client: bool = False
    source_code: str | None = None
    """Of a tool that a client stored; the model never sees it."""


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """The whole context window of one step."""

    model: str
    """The model's own name, without its provider."""
    system: str
    """Instructions and memory, as one text."""
    messages: tuple[Message, ...]
    tools: tuple[OfferedTool, ...]
    blocks: tuple[Block, ...]
    """The memory that `system` shows, as data."""
    settings: Json
    """The agent's model settings: temperature, parallel_tool_calls …"""
    summary: str = ""
    """What was said before `messages`; shown to the model as the first of them."""

    def offers(self, name: str) -> bool:
        """Whether the model may call a tool of this name."""
        return any(tool.name == name for tool in self.tools)


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """A piece of what the model thinks."""

    text: str


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of what the model says."""

    text: str


@dataclass(frozen=True, slots=True)
class CallDelta:
    """A piece of a tool call; the first of an index brings id and name."""

    index: int
    arguments: str
    id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class UsageCounted:
    """What the call cost; at most once, at its end."""

    usage: Usage


ModelEvent: TypeAlias = ReasoningDelta | TextDelta | CallDelta | UsageCounted


class Model(Protocol):
    """A language model."""

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """Answer, piece by piece, in order; raises ModelError when it cannot."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
