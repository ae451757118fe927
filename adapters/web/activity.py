"""What a visitor's agent did by itself: each sees their own, and nothing of anybody else."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.web.sessions import Visitor
from gateway.domain.schedule_json import activity_page
from gateway.ports import FireStore, PeopleStore


@dataclass(frozen=True, slots=True)
class ActivityDoor:
    """Where slots, and the persons in whose name they came, are found."""

    fires: FireStore
    people: PeopleStore

    async def read(
        self, visitor: Visitor, role: str, before: str | None, limit: int
    ) -> dict[str, object]:
        """Return a page, newest first. `before` is a cursor that was checked, None to begin."""
        person = await self.people.find_person(visitor.sender.identity)
        if person is None:
            return activity_page([], limit)
        return activity_page(await self.fires.activity(role, before, limit, person.id), limit)
