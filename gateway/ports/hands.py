"""Tools that run in the gateway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from gateway.domain.tools import ToolCall, ToolResult, ToolSpec
from gateway.domain.turns import Turn
from gateway.ports.health import Health


class Toolbox(Protocol):
    """Tools that run in the gateway."""

    def specs(self, turn: Turn) -> tuple[ToolSpec, ...]:
        """Return the tools that the agent may use in this turn."""
        ...

    async def call(self, turn: Turn, call: ToolCall) -> ToolResult:
        """Carry it out, within its time and size limits; a failure is a result, not an error."""
        ...


class ToolServers(Protocol):
    """Servers elsewhere whose tools are in the toolbox while they are there."""

    async def run(self) -> None:
        """Keep them in sight, until cancelled."""
        ...

    def health(self) -> Mapping[str, Health]:
        """Say how each is, by its name, in words that anybody may read."""
        ...
