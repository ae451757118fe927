"""Where schedules are made, looked at and changed, by the operator and by agents."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import replace
from datetime import datetime

from gateway.domain.conversations import Conversation, check_ids
from gateway.domain.people import ZONE_NOTE, Identity, Route, Sender, person_id_of
from gateway.domain.routing import Routing
from gateway.domain.schedules import (
    Fire,
    NewSchedule,
    PastSlot,
    Schedule,
    ScheduleReport,
    Timing,
    Wakeup,
)
from gateway.errors import BadInput
from gateway.ports import Clock, Store, WhyNot
from scheduler.checks import check
from scheduler.echo import next_fires, say_trigger
from scheduler.misfires import first_fire
from scheduler.owners import EverybodysRights, Rights, owner_of, route_of
from scheduler.phrases import parse_interval, parse_phrase
from scheduler.triggers import (
    Cron,
    Trigger,
    check_expression,
    slots,
    write_trigger,
)
from scheduler.wakeups import to_wakeup
from scheduler.zones import find_zone

PERSON = "person"
"""In place of a time zone: the one of the schedule's owner, as it is when the schedule is made."""
_PAGE = 500


def read_timing(timing: Timing, now: datetime) -> Trigger:
    """Return the trigger that is meant; raises BadInput."""
    find_zone(timing.zone)
    match (timing.cron, timing.every, timing.at):
        case (str(cron), None, None):
            return Cron(check_expression(cron), timing.zone)
        case (None, str(every), None):
            return parse_interval(every, now)
        case (None, None, str(phrase)):
            return parse_phrase(phrase, now, timing.zone)
        case _:
            raise BadInput("Say when in one way: a cron line, an interval or a moment.")


async def nobody_asks(place: Conversation) -> None:
    """Take every place: a slot that can not be posted there is told of when it comes."""


class Desk:
    """Makes, finds and changes schedules. Everything it refuses is a BadInput with a remedy."""

    def __init__(
        self,
        store: Store,
        routes: Mapping[str, Route],
        platforms: Collection[str],
        clock: Clock,
        why_not: WhyNot = nobody_asks,
        rights: Rights | None = None,
    ) -> None:
        self._store = store
        self._routing = Routing.of(routes)
        self._platforms = platforms
        self._clock = clock
        self._why_not = why_not
        self._rights = rights or EverybodysRights()

    async def add(self, wish: NewSchedule) -> Schedule:
        """Make a schedule under its name. Raises BadInput, also when the name is taken."""
        now = self._clock.now()
        name = id_of(wish.name)
        if await self._store.schedules.get(name) is not None:
            raise BadInput(
                f'There is a schedule "{name}" already. Take another name, or remove it with '
                f"`postern schedule remove {name}`."
            )
        schedule = await self.checked(wish, now)
        await self._check_reach(schedule)
        return await self.put(schedule)

    async def checked(self, wish: NewSchedule, now: datetime) -> Schedule:
        """Return the schedule that is wished for, set to its first slot; stores nothing."""
        conversation = self._conversation(wish.conversation)
        self._check_agent(wish.role)
        if wish.max_actions is not None and wish.max_actions < 0:
            raise BadInput("The most actions of a wakeup are a number from 0.")
        owner = await self._owner(wish.owner, conversation)
        timing = await self._on_a_clock(wish.timing, owner)
        trigger = read_timing(timing, now)
        wakeup = Wakeup(
            conversation=conversation,
            owner=owner,
            prompt=wish.prompt,
            role=wish.role,
            data_sources=wish.data_sources,
            max_actions=wish.max_actions,
        )
        await self._check_theirs(wakeup)
        await self._check_place(wakeup)
        schedule = Schedule(
            id=id_of(wish.name),
            trigger=write_trigger(trigger),
            zone=timing.zone,
            next_at=None,
            name=wish.name.strip(),
            wakeup=wakeup,
            rules=wish.rules,
        )
        check(schedule, now)
        return first_fire(schedule, now)

    async def every(self) -> AsyncIterator[Schedule]:
        """Yield all schedules by id."""
        last = ""
        while page := await self.page(last, _PAGE):
            for schedule in page:
                yield schedule
            last = page[-1].id

    async def page(self, after: str, limit: int) -> list[Schedule]:
        """List the next ones by id; pass the last one's id as `after` for more, "" to begin."""
        return await self._store.schedules.page(after, limit)

    async def find(self, name: str) -> Schedule:
        """Return the schedule of this name or id; raises BadInput when there is none."""
        for known in (name, id_of(name)):
            schedule = await self._store.schedules.get(known)
            if schedule is not None:
                return schedule
        raise BadInput(f'There is no schedule "{name}". `postern schedule list` shows all.')

    def report(self, schedule: Schedule) -> ScheduleReport:
        """Say how it was understood and when it fires next."""
        coming = next_fires(schedule, self._clock.now())
        return ScheduleReport(schedule, say_trigger(schedule), tuple(coming))

    async def past(self, schedule: Schedule, limit: int = 5) -> list[PastSlot]:
        """Return its newest slots, newest first."""
        return await self._store.schedules.past_slots(schedule.id, limit)

    async def pause(self, name: str, until: str | None = None) -> Schedule:
        """Let it rest: until it is resumed, or until a moment given as a phrase."""
        schedule, now = await self.find(name), self._clock.now()
        if until is None:
            return await self.put(replace(schedule, is_paused=True))
        moment = read_timing(Timing(schedule.zone, at=until), now)
        if isinstance(moment, Cron):
            raise BadInput(f'"{until}" comes again and again; say one moment.')
        upto = next(slots(moment, now))
        rules = replace(schedule.rules, paused_until=upto)
        return await self.put(replace(schedule, rules=rules, is_paused=False))

    async def resume(self, name: str) -> Schedule:
        """Let it go on from now; what came meanwhile is not caught up."""
        schedule = await self.find(name)
        rules = replace(schedule.rules, paused_until=None)
        awake = replace(schedule, is_paused=False, rules=rules)
        return await self.put(first_fire(awake, self._clock.now()))

    async def remove(self, name: str) -> Schedule:
        """Drop it; its past stays in the audit log."""
        schedule = await self.find(name)
        await self._store.schedules.remove(schedule.id)
        return schedule

    async def run(self, name: str, at: datetime | None = None) -> bool:
        """Wake the agent now, beside its slots and whatever its hours; False when it changed.

        With the same moment it is woken once.
        """
        schedule, now = await self.find(name), at or self._clock.now()
        wakeup = schedule.wakeup
        owner = await self._recognised(wakeup) if wakeup else None
        route = route_of(self._routing, replace(wakeup, owner=owner)) if wakeup else None
        if wakeup is None or route is None:
            raise BadInput(f'The schedule "{schedule.id}" wakes nobody: its agent is gone.')
        message = to_wakeup(schedule, replace(wakeup, owner=owner), now, missed_before=0)
        extra = Fire(schedule, now, schedule.next_at, message, route, slot_at=schedule.slot_at)
        return await self._store.schedules.fire([extra], now) == 1

    async def _recognised(self, wakeup: Wakeup) -> Sender:
        """Return the owner with the circles that they are in."""
        owner = await owner_of(wakeup, self._store.people)
        return replace(owner, circles=await self._rights.circles_of(owner.identity))

    async def put(self, schedule: Schedule) -> Schedule:
        """Store a checked schedule, in place of the one with its id if there is one."""
        await self._store.schedules.put(schedule)
        return schedule

    def _conversation(self, readable: str) -> Conversation:
        try:
            conversation = Conversation.parse(readable)
            check_ids(conversation)
        except ValueError as error:
            raise BadInput(str(error)) from None
        if conversation.platform not in self._platforms:
            known = ", ".join(sorted(self._platforms))
            raise BadInput(f'"{conversation.platform}" is no platform. There is {known}.')
        return conversation

    async def _on_a_clock(self, timing: Timing, owner: Sender | None) -> Timing:
        """Return the timing in a zone: for PERSON, in the one that its owner has said."""
        if timing.zone != PERSON:
            return timing
        if owner is None:
            raise BadInput('The time zone "person" is that of the owner; say who that is.')
        person = await self._store.people.find_person(owner.identity)
        known = person.id if person else person_id_of(owner.identity)
        return replace(timing, zone=await self._store.notes.get(known, ZONE_NOTE) or "UTC")

    def _check_agent(self, role: str | None) -> None:
        if role is not None and role not in self._routing:
            known = ", ".join(f'"{each}"' for each in self._routing)
            raise BadInput(f'There is no agent "{role}" here. There is {known}.')

    async def _check_theirs(self, wakeup: Wakeup) -> None:
        """Raise BadInput where the owner is known, and may not use the agent."""
        if wakeup.owner is None:
            return
        owner = wakeup.owner.identity
        circles = await self._rights.circles_of(owner)
        decided = self._routing.decide(wakeup.conversation, owner, wakeup.role, circles)
        if not decided.is_allowed:
            raise BadInput(
                f'"{owner.key}" may not use the agent "{decided.route.role}". Name an owner who '
                "may, or another agent."
            )

    async def _check_place(self, wakeup: Wakeup) -> None:
        """Raise BadInput where one person's agent would write to another person alone."""
        place, owner = wakeup.conversation, wakeup.owner
        there = await self._store.people.last_sender(place.id) if place.is_direct else None
        if owner is None or there is None or there.identity == owner.identity:
            return
        people = [await self._store.people.find_person(s.identity) for s in (owner, there)]
        if people[0] is None or people[0] != people[1]:
            raise BadInput(
                f'"{place.id}" is the direct conversation of "{there.identity.key}", and '
                f'"{owner.identity.key}" may not post there. Name that owner, or another place.'
            )

    async def _check_reach(self, schedule: Schedule) -> None:
        """Raise BadInput where the platform says that nothing of ours can be posted."""
        if schedule.wakeup is None or schedule.rules.silent:
            return
        place = schedule.wakeup.conversation
        reason = await self._why_not(place)
        if reason is not None:
            raise BadInput(f'Nothing can be posted to "{place.id}". {reason}')

    async def _owner(self, key: str | None, conversation: Conversation) -> Sender | None:
        if key is None:
            return await self._store.people.last_sender(conversation.id)
        parts = key.split(":")
        if len(parts) != 3 or not all(parts):
            raise BadInput(f'"{key}" is no person; it reads platform:workspace:user.')
        identity = Identity(*parts)
        person = await self._store.people.find_person(identity)
        return Sender(identity, person.name if person else parts[2])


def id_of(name: str) -> str:
    slug = re.sub(r"[^\w.-]+", "-", name.strip().lower(), flags=re.ASCII).strip("-")
    if not slug:
        raise BadInput(f'"{name}" can not be the name of a schedule; give it letters or digits.')
    return slug[:80]
