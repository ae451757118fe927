"""Schedules that agents make for themselves, within limits that keep them from piling up."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

from gateway.domain.people import ZONE_NOTE, Sender, person_id_of
from gateway.domain.schedules import Schedule, Wakeup
from gateway.domain.turns import Turn
from gateway.errors import BadInput
from gateway.ports import Clock, NoteStore, ScheduleStore
from scheduler.checks import check
from scheduler.echo import say_schedule
from scheduler.misfires import first_fire
from scheduler.phrases import parse_phrase
from scheduler.triggers import Every, Once, write_trigger
from scheduler.wakeups import schedule_of

_REMINDER = re.compile(r"(?:.+\.)?reminder-(\d+)-[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class ReminderLimits:
    """How much an agent may ask of itself."""

    zone: str = "UTC"
    """The clock by which a time of day is understood."""
    waiting: int = 20
    """Reminders of one conversation that have not come yet."""
    of_person: int = 100
    """Those that wait for one person, in all conversations."""
    generations: int = 3
    """A wakeup may set a reminder, whose wakeup may set another, so many times in a row."""
    least_seconds: int = 900
    """Nothing that repeats comes more often."""


class ReminderDesk:
    """Keeps reminders as schedules of the conversation in which they were made.

    A wakeup can set single reminders only, and only so many generations deep, so
    that wakeups never make wakeups without end.
    """

    def __init__(
        self,
        schedules: ScheduleStore,
        clock: Clock,
        limits: ReminderLimits | None = None,
        *,
        notes: NoteStore | None = None,
    ) -> None:
        self._schedules = schedules
        self._clock = clock
        self._limits = limits or ReminderLimits()
        self._notes = notes

    async def remind(self, turn: Turn, when: str, text: str) -> str:
        """Keep a reminder; the same one in the same turn is kept once. Raises BadInput."""
        now, zone = self._clock.now(), await self._zone(turn)
        trigger = parse_phrase(when, now, zone)
        generation = self._generation(turn)
        if generation > 0 and not isinstance(trigger, Once):
            raise BadInput("In a wakeup only a single reminder can be set, nothing that repeats.")
        if isinstance(trigger, Every) and trigger.seconds < self._limits.least_seconds:
            minutes = self._limits.least_seconds // 60
            raise BadInput(f'That is too often; "every {minutes} minutes" is most.')
        schedule = Schedule(
            id=_id(turn, when, text, generation),
            trigger=write_trigger(trigger),
            zone=zone,
            next_at=None,
            name=text[:80],
            wakeup=_wakeup(turn, text, generation),
        )
        check(schedule, now)
        return await self._keep(first_fire(schedule, now), now)

    async def _zone(self, turn: Turn) -> str:
        """Return the clock of the person, or the one of the settings until they have named one."""
        known = await self._notes.get(turn.person, ZONE_NOTE) if self._notes else None
        return known or self._limits.zone

    async def waiting(self, turn: Turn) -> str:
        """Say which reminders wait in the conversation of the turn, each with its id."""
        now = self._clock.now()
        lines = [
            f"- {short_name(each)}: {say_schedule(each, now)}: {each.wakeup.prompt[:200]}"
            for each in await self._own(turn)
            if each.wakeup is not None and each.next_at is not None
        ]
        return "\n".join(lines) or "No reminder waits here."

    async def cancel(self, turn: Turn, reminder: str) -> str:
        """Drop a reminder of the conversation. Raises BadInput when there is none."""
        for each in await self._own(turn):
            if reminder in (each.id, short_name(each)):
                await self._schedules.remove(each.id)
                return "It is dropped."
        raise BadInput(f'There is no reminder "{reminder[:80]}" here.')

    async def _own(self, turn: Turn) -> list[Schedule]:
        """Return the reminders that this agent has set here."""
        here = await self._schedules.in_conversation(turn.conversation.id, _SEEN)
        return [
            each
            for each in here
            if each.wakeup is not None
            and each.wakeup.generation is not None
            and each.wakeup.role == turn.role
        ]

    async def _keep(self, schedule: Schedule, now: datetime) -> str:
        known = await self._schedules.get(schedule.id)
        if known is not None:
            return f"Set already: {say_schedule(known, now)}"
        if schedule.wakeup is not None:
            await self._check_room(schedule.wakeup)
        await self._schedules.put(schedule)
        return f"Set: {say_schedule(schedule, now)}"

    async def _check_room(self, wakeup: Wakeup) -> None:
        """Drop the reminders of this place that have come; raises BadInput when too many wait."""
        most = self._limits.waiting
        others = await self._schedules.in_conversation(wakeup.conversation.id, 10 * most)
        own = [s for s in others if s.wakeup is not None and s.wakeup.generation is not None]
        for done in own:
            if done.next_at is None:
                await self._schedules.remove(done.id)
        if sum(s.next_at is not None for s in own) >= most:
            raise BadInput(f"{most} reminders wait in this conversation already; that is most.")
        if wakeup.owner is not None:
            await self._check_room_of(wakeup.owner)

    async def _check_room_of(self, owner: Sender) -> None:
        """Raise BadInput when too many wait for the person, wherever they were set."""
        most, prefix = self._limits.of_person, f"{person_id_of(owner.identity)}.reminder-"
        page = await self._schedules.page(prefix, 2 * most)
        theirs = [each for each in page if each.id.startswith(prefix)]
        for done in theirs:
            if done.next_at is None:
                await self._schedules.remove(done.id)
        if sum(each.next_at is not None for each in theirs) >= most:
            raise BadInput(f"{most} reminders wait for this person already; that is most.")

    def _generation(self, turn: Turn) -> int:
        """Return how many wakeups in a row led to this turn; raises BadInput at the limit."""
        if not turn.is_wakeup:
            return 0
        generation = 1 + max(_generation_of(message.event_id) for message in turn.messages)
        if generation > self._limits.generations:
            raise BadInput(
                f"{self._limits.generations} wakeups in a row have set the next one; "
                "the person has to write before another can be set."
            )
        return generation


def short_name(schedule: Schedule) -> str:
    """Return how people and agents call a schedule that is a person's."""
    return schedule.id.rpartition(".")[2]


def _wakeup(turn: Turn, text: str, generation: int) -> Wakeup:
    return Wakeup(
        conversation=turn.conversation,
        owner=turn.messages[0].sender,
        prompt=text,
        role=turn.role,
        generation=generation,
    )


def _id(turn: Turn, when: str, text: str, generation: int) -> str:
    """Derive it, so that a call that is repeated after a crash makes no second reminder.

    It begins as those that the person made, and tells the generation, which is needed when
    the schedule itself is gone.
    """
    said = "\n".join((turn.ref.id, when, text))
    digest = hashlib.blake2b(said.encode(), digest_size=8).hexdigest()
    person = person_id_of(turn.messages[0].sender.identity)
    return f"{person}.reminder-{generation}-{digest}"


def _generation_of(event_id: str) -> int:
    match = _REMINDER.fullmatch(schedule_of(event_id))
    return int(match[1]) if match else 0


_SEEN = 200
"""Schedules of a conversation that are looked at."""
