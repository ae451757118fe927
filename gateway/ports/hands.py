"""Tools that run in the gateway."""

from __future__ import annotations

from typing import Protocol

from gateway.domain.tools import ToolCall, ToolResult, ToolSpec
from gateway.domain.turns import Turn


class Toolbox(Protocol):
    """Tools that run in the gateway."""

    def specs(self, turn: Turn) -> tuple[ToolSpec, ...]:
        """Return the tools that the agent may use in this turn."""
        ...

    async def call(self, turn: Turn, call: ToolCall) -> ToolResult:
        """Carry it out, within its time and size limits; a failure is a result, not an error."""
        ...
