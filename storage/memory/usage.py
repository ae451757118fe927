"""What turns have used, in dictionaries."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from gateway.domain.ids import PersonId
from gateway.domain.usage import Charge, Spent
from storage.memory.tables import Tables


def add_charge(tables: Tables, charge: Charge, now: datetime) -> None:
    """Put down what a turn has used."""
    key = (now.date(), charge.person, charge.role, charge.schedule)
    tables.usage[key] = tables.usage[key].plus(Spent(1, charge.tokens))


class MemoryUsage:
    """The UsageStore in dictionaries."""

    def __init__(self, tables: Tables) -> None:
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


def _sum(parts: Iterable[Spent]) -> Spent:
    total = Spent()
    for part in parts:
        total = total.plus(part)
    return total
