"""What turns have used and people wrote, in dictionaries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from gateway.domain.conversations import Conversation
from gateway.domain.ids import PersonId
from gateway.domain.messages import SAID
from gateway.domain.people import Identity, person_id_of
from gateway.domain.usage import Charge, Spent, Written
from storage.memory.tables import MessageRow, Tables


def add_charge(tables: Tables, charge: Charge, now: datetime) -> None:
    """Put down what a turn has used."""
    key = (now.date(), charge.person, charge.role, charge.schedule)
    tables.usage[key] = tables.usage[key].plus(Spent(1, charge.tokens))


class MemoryUsage:
    """The UsageStore in dictionaries."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._usage = tables.usage

    async def of_person(self, person: PersonId, day: date) -> Spent:
        """Sum up what the person's turns have used, with all their agents."""
        return _sum(spent for key, spent in self._usage.items() if key[:2] == (day, person))

    async def of_agent(self, role: str, day: date) -> Spent:
        """Sum up what the agents of this role have used, with all people."""
        items = self._usage.items()
        return _sum(spent for (at, _, name, _), spent in items if (at, name) == (day, role))

    async def of_schedule(self, schedule: str, day: date) -> Spent:
        """Sum up what the schedule's wakeups have used."""
        if not schedule:
            return Spent()
        items = self._usage.items()
        return _sum(spent for (at, _, _, name), spent in items if (at, name) == (day, schedule))

    async def written(self, identity: Identity, since: datetime, limit: int) -> Written:
        """Count what its person wrote after `since`, with any account."""
        tables = self._tables
        person = tables.identities.get(identity)
        if person is None:
            return Written(person_id_of(identity), 0)
        rows = [row for row in reversed(tables.messages.values()) if row.person == person]
        return Written(person, _count(rows[:limit], since, limit))

    async def written_in(self, place: Conversation, since: datetime, limit: int) -> int:
        """Count what anybody wrote in this very conversation."""
        every = reversed(self._tables.messages.values())
        rows = [row for row in every if row.message.conversation == place]
        return _count(rows[:limit], since, limit)


def _count(newest: Sequence[MessageRow], since: datetime, limit: int) -> int:
    new = [row for row in newest if row.message.sent_at > since]
    return limit if len(new) == limit else sum(map(_is_said, new))


def _is_said(row: MessageRow) -> bool:
    return row.lane is not None and row.message.kind in SAID


def _sum(parts: Iterable[Spent]) -> Spent:
    total = Spent()
    for part in parts:
        total = total.plus(part)
    return total
