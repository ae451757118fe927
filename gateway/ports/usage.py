"""What was used and written, for budgets and limits."""

from __future__ import annotations

from datetime import date, datetime
from typing import Protocol

from gateway.domain.conversations import Conversation
from gateway.domain.ids import PersonId
from gateway.domain.people import Identity
from gateway.domain.usage import Spent, Written


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

    async def written(self, identity: Identity, since: datetime, limit: int) -> Written:
        """Count what its person wrote after `since`, with any account, and an agent was to hear.

        Messages, reactions and edits that came too late to change what waits;
        counted are those sent after that moment, whenever they came. Of all that
        came from the person the newest `limit` are looked at: where each of them
        is so new, refused ones and commands too, the count is `limit`.
        """
        ...

    async def written_in(self, place: Conversation, since: datetime, limit: int) -> int:
        """Count what anybody wrote in this very conversation, as `written` does for a person."""
        ...
