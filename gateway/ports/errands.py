"""What agents ask each other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.domain.errands import Errand, ErrandChange
from gateway.domain.ids import PersonId
from gateway.domain.tools import ToolCall
from gateway.domain.turns import Turn


class ErrandStore(Protocol):
    """What agents ask each other. Each method is one commit; each raises StoreUnavailable."""

    async def change(self, changes: Sequence[ErrandChange], now: datetime) -> int:
        """Put errands down and accept their news, all or nothing; count those that changed.

        A new errand is stored; a known one changes only to a later standing, so
        that it ends once. The news of one that did not change are not accepted.
        """
        ...

    async def get(self, errand: str) -> Errand | None:
        """Return it as it stands; None when there is none of this id."""
        ...

    async def asked_for(self, parent: str) -> list[Errand]:
        """List what was asked on behalf of an errand, in the order in which it was asked."""
        ...

    async def count(self, root: str) -> int:
        """Count all errands of one root."""
        ...

    async def count_of(self, person: PersonId, role: str) -> int:
        """Count what this role was ever asked for the person."""
        ...

    async def open_of(self, person: PersonId) -> list[Errand]:
        """List what is open for a person, in the order in which it was asked."""
        ...

    async def due(self, now: datetime, limit: int) -> list[Errand]:
        """List what is open though its time is over, the longest overdue first."""
        ...


class Colleagues(Protocol):
    """How an agent asks others."""

    async def ask(self, turn: Turn, call: ToolCall, role: str, question: str) -> str:
        """Ask; returns what the asking agent is told. The answer comes to it as a message.

        The same call of the same turn asks once. Raises BadInput with a sentence
        where this one may not be asked.
        """
        ...
