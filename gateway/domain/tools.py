"""What an agent may ask the gateway to do, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Effect(StrEnum):
    """What a repeated call would do; decides what recovery may repeat."""

    PURE = "pure"
    IDEMPOTENT = "idempotent"
    EXTERNAL = "external"


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the model sees it."""

    name: str
    description: str
    parameters: Mapping[str, object]
    """JSON Schema of the arguments."""
    effect: Effect = Effect.PURE


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The agent's wish."""

    id: str
    name: str
    arguments: str
    """JSON text as the model wrote it: not yet parsed, not yet trusted."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The answer to one call; a failure is a result that the agent can read."""

    call_id: str
    text: str
    is_error: bool = False
