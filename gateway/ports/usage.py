"""What was used, for budgets."""

from __future__ import annotations

from datetime import date
from typing import Protocol

from gateway.domain.ids import PersonId
from gateway.domain.usage import Spent


class UsageStore(Protocol):
    """What ended turns have used on a day of UTC; `TurnStore.finish` adds to it."""

    async def of_person(self, person: PersonId, day: date) -> Spent:
        """Sum up what the person's turns have used, with all their agents."""
        ...

    async def of_agent(self, role: str, day: date) -> Spent:
        """Sum up what the agents of this role have used, with all people."""
        ...

    async def of_schedule(self, schedule: str, day: date) -> Spent:
        """Sum up what the schedule's wakeups have used."""
        ...
