"""What a command is: what platforms show of it, what it is told, and what it can reach."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from gateway.domain.commands import CommandSpec
from gateway.domain.ids import LaneId, PersonId
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Route
from gateway.domain.turns import Turn
from gateway.ports import AgentRuntime, Clock, Store


class RunningTurns(Protocol):
    """Whoever can stop a turn."""

    async def stop(self, lane: LaneId) -> bool:
        """Stop the turn that runs in the lane; False when none does."""
        ...


@dataclass(frozen=True, slots=True)
class Reach:
    """What commands can reach."""

    store: Store
    runtime: AgentRuntime
    routes: Mapping[str, Route]
    """The agents that there are, the default one first."""
    running: RunningTurns
    clock: Clock


@dataclass(frozen=True, slots=True)
class Asked:
    """One command as somebody gave it."""

    turn: Turn
    message: InboundMessage
    person: PersonId
    """Who asks. In a channel, commands of several people may share a turn."""
    arguments: str
    """What stands behind the command's name, trimmed."""

    @property
    def is_private(self) -> bool:
        """Whether nobody but who asks will see the answer."""
        return self.message.is_private or self.message.conversation.is_direct


CarryOut = Callable[[Asked, Reach], Awaitable[str]]
"""Does what is asked and returns what its person is told. A repeat after a crash does no harm."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command: how platforms show it, and what it does."""

    spec: CommandSpec
    carry_out: CarryOut
