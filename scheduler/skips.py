"""Why a wakeup that is due is passed over, asked before anything is stored or any model called."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.domain.conversations import Conversation
from gateway.domain.ids import LaneId
from gateway.domain.people import Route, person_id_of
from gateway.domain.routing import Routing
from gateway.domain.schedules import Schedule, Wakeup
from gateway.ports import Store
from scheduler.owners import EverybodysRights, Rights, admitted_owner, route_of

BUSY = "busy"
RECENT = "recently_active"
PLACE_PAUSED = "conversation_paused"
NO_ACCESS = "no_access"
"""Why a slot is missed whose owner may not talk any more."""


IsPaused = Callable[[Conversation, datetime], Awaitable[bool]]
"""Whether no agent answers in a conversation for now."""


async def nowhere(place: Conversation, now: datetime) -> bool:
    """Say that nothing is paused."""
    return False


class SkipRules:
    """Looks at a due schedule: in whose name it wakes, and whether it is passed over."""

    def __init__(
        self, store: Store, rights: Rights | None = None, is_paused: IsPaused = nowhere
    ) -> None:
        self._is_paused = is_paused
        self._people = store.people
        self._fires = store.fires
        self._rights = rights or EverybodysRights()

    async def look(
        self, schedule: Schedule, routing: Routing, now: datetime
    ) -> tuple[Schedule, str]:
        """Return the schedule with its owner, and why it is passed over, if it is."""
        wakeup = schedule.wakeup
        if wakeup is None:
            return schedule, ""
        if await self._is_paused(wakeup.conversation, now):
            return schedule, PLACE_PAUSED
        owner = await admitted_owner(wakeup, self._people, self._rights)
        if owner is None:
            return schedule, NO_ACCESS
        wakeup = replace(wakeup, owner=owner)
        route = route_of(routing, wakeup)
        why = "" if route is None else await self._why(schedule, wakeup, route, now)
        return replace(schedule, wakeup=wakeup), why

    async def _why(self, schedule: Schedule, wakeup: Wakeup, route: Route, now: datetime) -> str:
        rules = schedule.rules
        if rules.skip_busy or rules.skip_recent_seconds:
            pulse = await self._fires.pulse(await self._lane(wakeup, route), wakeup.conversation)
            if rules.skip_busy and pulse.is_busy:
                return BUSY
            since = now - timedelta(seconds=rules.skip_recent_seconds)
            if rules.skip_recent_seconds and pulse.heard_at and pulse.heard_at > since:
                return RECENT
        return ""

    async def _lane(self, wakeup: Wakeup, route: Route) -> LaneId:
        if wakeup.owner is None:
            raise ValueError("Whom it wakes is not known.")
        identity = wakeup.owner.identity
        person = await self._people.find_person(identity)
        return route.lane(person.id if person else person_id_of(identity), wakeup.conversation)
