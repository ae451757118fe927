"""What an agent may ask the gateway to do, and what comes back."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.domain.artifacts import Attachment
from gateway.domain.deliveries import Button
from gateway.domain.ids import AgentId, PersonId


def is_named(name: str, patterns: Iterable[str]) -> bool:
    """Whether a tool is one of those: by its name, or by a beginning and `*`."""
    return any(
        name.startswith(each[:-1]) if each.endswith("*") else name == each for each in patterns
    )


def unknown_tool(name: str, known: Sequence[str]) -> str:
    """Return what an agent reads that calls a tool which it does not have."""
    near = difflib.get_close_matches(name, known, n=1)
    hint = f' Did you mean "{near[0]}"?' if near else ""
    return f'There is no tool "{name}".{hint}'


class Effect(StrEnum):
    """What a repeated call would do; decides what recovery may repeat."""

    PURE = "pure"
    IDEMPOTENT = "idempotent"
    EXTERNAL = "external"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The agent's wish."""

    id: str
    name: str
    arguments: str
    """JSON text as the model wrote it: not yet parsed, not yet trusted."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An agent that calls tools from outside of a turn, known by its token."""

    person: PersonId
    """Whose agent it is."""
    role: str
    agent: AgentId


def _never(_: ToolCall) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the model sees it, and what the gateway must know before it is called."""

    name: str
    description: str
    parameters: Mapping[str, object]
    """JSON Schema of the arguments."""
    effect: Effect = Effect.PURE
    needs_approval: Callable[[ToolCall], bool] = field(default=_never, compare=False)
    """Whether somebody has to say yes to this very call first; never raises."""
    version: str = ""
    """A short hash that changes with the name, the description or the parameters."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The answer to one call; a failure is a result that the agent can read."""

    call_id: str
    text: str
    is_error: bool = False
    buttons: tuple[Button, ...] = ()
    """To be shown under the answer of the turn."""
    files: tuple[Attachment, ...] = ()
    """To be sent with the answer of the turn."""
