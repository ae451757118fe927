"""What agents ask each other, in dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.errands import Errand, ErrandChange
from gateway.domain.ids import PersonId
from storage.audit_data import errand_changed
from storage.memory.tables import Tables
from storage.memory.turns import accept_message
from storage.rules import news_of


class MemoryErrands:
    """The ErrandStore in a dictionary."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._errands = tables.errands

    async def change(self, changes: Sequence[ErrandChange], now: datetime) -> int:
        """Put errands down and accept their news; see the port."""
        return sum(self._change(change, now) for change in changes)

    def _change(self, change: ErrandChange, now: datetime) -> bool:
        errand = change.errand
        known = self._errands.get(errand.id)
        if known is not None and known.standing >= errand.standing:
            return False
        self._errands[errand.id] = errand
        data = errand_changed(errand)
        self._tables.log(AuditKind.ERRAND_CHANGED, now, errand.person, errand.id, data)
        for news in news_of(change, now):
            accept_message(self._tables, news.message, news.route, now)
        return True

    async def get(self, errand: str) -> Errand | None:
        """Return it as it stands; None when there is none of this id."""
        return self._errands.get(errand)

    async def asked_for(self, parent: str) -> list[Errand]:
        """List what was asked on behalf of an errand, in the order in which it was asked."""
        return [each for each in self._errands.values() if each.parent == parent]

    async def count(self, root: str) -> int:
        """Count all errands of one root."""
        return sum(each.root == root for each in self._errands.values())

    async def count_of(self, person: PersonId, role: str) -> int:
        """Count what this role was ever asked for the person."""
        return sum((each.person, each.role) == (person, role) for each in self._errands.values())

    async def open_of(self, person: PersonId) -> list[Errand]:
        """List what is open for a person, in the order in which it was asked."""
        return [each for each in self._errands.values() if each.person == person and each.is_open]

    async def due(self, now: datetime, limit: int) -> list[Errand]:
        """List what is open though its time is over, the longest overdue first."""
        over = [each for each in self._errands.values() if each.is_open and each.expires_at <= now]
        return sorted(over, key=lambda each: (each.expires_at, each.id))[:limit]
