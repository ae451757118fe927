"""Schedules that people make by commands: their own alone, on the clock of their time zone."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime

from gateway.domain.ids import PersonId
from gateway.domain.people import ZONE_NOTE, person_id_of
from gateway.domain.schedule_json import say_outcome
from gateway.domain.schedules import Schedule, Wakeup
from gateway.errors import BadInput
from gateway.ports import Clock, NoteStore, Store
from gateway.ports.personal import Wish
from scheduler.checks import check
from scheduler.desk import Desk
from scheduler.echo import say_moment, say_schedule
from scheduler.misfires import first_fire
from scheduler.phrases import Unreadable, parse_phrase
from scheduler.reminders import short_name
from scheduler.triggers import Every, Once, Trigger, write_trigger
from scheduler.zones import find_zone

MOST = 50
"""Schedules that one person has made."""
_SEEN = 500
"""Schedules of an account that are looked at: its own come first, then reminders."""
LEAST_SECONDS = 900
"""Nothing that a person makes comes more often."""
_LONGEST_PHRASE = 10
"""Words in which one can say when."""
_LEAD = re.compile(r"^(?:[:,;–-]+\s*)?(?:(?:to|that)\s+)?", re.IGNORECASE)


async def zone_of(person: PersonId, notes: NoteStore) -> str:
    """Return the person's time zone; UTC until they have said another."""
    return await notes.get(person, ZONE_NOTE) or "UTC"


def parse_wish(text: str, now: datetime, zone: str) -> tuple[Trigger, str]:
    """Split `tomorrow at 9 call Ada` into its trigger and what is to be done; raises BadInput.

    Of all beginnings that say when, the longest counts; where none can be, the
    shortest that looks like a time says why.
    """
    words = text.split()
    reason: BadInput | None = None
    for count in range(min(len(words), _LONGEST_PHRASE), 0, -1):
        try:
            trigger = parse_phrase(" ".join(words[:count]).rstrip(":,"), now, zone)
        except Unreadable:
            continue
        except BadInput as error:
            reason = error
            continue
        said = _LEAD.sub("", " ".join(words[count:]))
        if said:
            return trigger, said
        raise BadInput("Say what to do then too, as in `tomorrow at 9 call Ada`.")
    raise reason or BadInput(
        f'When "{text[:80]}" should be is not clear. Begin with the time, as in `in 20 minutes`, '
        "`tomorrow at 9`, `every weekday 8:30` or `2026-12-24 18:00`."
    )


class PersonalDesk:
    """Keeps each person's schedules apart by the account in their names.

    What an account made goes where the account goes, when it is linked and when it is unlinked.
    """

    def __init__(self, desk: Desk, store: Store, clock: Clock) -> None:
        self._desk = desk
        self._people = store.people
        self._notes = store.notes
        self._clock = clock

    async def add(self, wish: Wish, *, repeats: bool) -> str:
        """Make one; the same wish again is the same schedule."""
        now, zone = self._clock.now(), await zone_of(wish.person, self._notes)
        trigger, said = parse_wish(wish.text, now, zone)
        _check_pace(trigger, repeats=repeats)
        key = hashlib.blake2b(wish.key.encode(), digest_size=3).hexdigest()
        schedule = Schedule(
            id=f"{person_id_of(wish.sender.identity)}.{key}",
            trigger=write_trigger(trigger),
            zone=zone,
            next_at=None,
            name=said[:80],
            wakeup=Wakeup(wish.conversation, wish.sender, said, wish.role),
        )
        check(schedule, now)
        own = await self._own(wish.person)
        if schedule.id not in (each.id for each in own):
            await self._make_room(own)
            await self._desk.put(first_fire(schedule, now))
        return f"`{key}` {say_schedule(first_fire(schedule, now), now)}{_hint(zone)}"

    async def list(self, person: PersonId) -> str:
        """Tell all of them."""
        now = self._clock.now()
        lines = [
            f"- `{short_name(each)}` {each.name}: "
            f"{'paused' if each.is_paused else say_schedule(each, now)}"
            for each in await self._own(person)
            if each.next_at is not None
        ]
        return (
            "\n".join(lines) or "You have no schedule. `/remind tomorrow at 9 call Ada` makes one."
        )

    async def change(self, person: PersonId, verb: str, name: str, at: datetime) -> str:
        """Show, pause, resume, remove or run the one of this short name."""
        schedule = await self._find(person, name)
        match verb:
            case "show":
                return await self._shown(schedule)
            case "pause":
                await self._desk.pause(schedule.id)
                return f"`{short_name(schedule)}` rests until you resume it."
            case "resume":
                resumed = await self._desk.resume(schedule.id)
                return f"`{short_name(schedule)}` {say_schedule(resumed, self._clock.now())}"
            case "remove":
                await self._desk.remove(schedule.id)
                return f"`{short_name(schedule)}` is gone."
            case _:
                await self._desk.run(schedule.id, at)
                return f"`{short_name(schedule)}` wakes your agent now."

    async def _shown(self, schedule: Schedule) -> str:
        """Tell what is to come of it, and what its newest slots came to."""
        coming = "paused" if schedule.is_paused else say_schedule(schedule, self._clock.now())
        past = [
            f"- {say_moment(slot.due_at, schedule.zone)}: {say_outcome(slot)}"
            for slot in await self._desk.past(schedule)
        ]
        return "\n".join([f"`{short_name(schedule)}` {schedule.name}: {coming}", *past])

    async def set_zone(self, person: PersonId, zone: str) -> str:
        """Remember the person's time zone."""
        if not zone:
            return f"Your times of day are on the clock of {await zone_of(person, self._notes)}."
        name = find_zone(zone.strip()).key
        await self._notes.put(person, ZONE_NOTE, name)
        return f"From now on, your times of day are on the clock of {name}."

    async def _own(self, person: PersonId) -> list[Schedule]:
        """Return what the accounts of the person made, and what their agents set for them."""
        accounts = await self._people.identities(person)
        own: list[Schedule] = []
        for prefix in sorted({f"{person_id_of(account)}." for account in accounts}):
            page = await self._desk.page(prefix, _SEEN)
            own += [schedule for schedule in page if schedule.id.startswith(prefix)]
        return own

    async def _find(self, person: PersonId, name: str) -> Schedule:
        wanted = name.strip("` ").lower()
        for schedule in await self._own(person):
            if short_name(schedule) == wanted:
                return schedule
        raise BadInput(f'You have no schedule "{wanted}". `/schedule list` shows yours.')

    async def _make_room(self, own: list[Schedule]) -> None:
        """Drop what is over; raises BadInput when too many wait."""
        for done in own:
            if done.next_at is None:
                await self._desk.remove(done.id)
        made = [each for each in own if each.wakeup and each.wakeup.generation is None]
        if sum(each.next_at is not None for each in made) >= MOST:
            raise BadInput(f"You have {MOST} schedules, which is most. Remove one first.")


def _check_pace(trigger: Trigger, *, repeats: bool) -> None:
    if not repeats and not isinstance(trigger, Once):
        raise BadInput("A reminder comes once; `/schedule add` makes what repeats.")
    if isinstance(trigger, Every) and trigger.seconds < LEAST_SECONDS:
        raise BadInput(f"That is too often; every {LEAST_SECONDS // 60} minutes is most.")


def _hint(zone: str) -> str:
    return " (`/timezone Europe/Vienna` sets your clock.)" if zone == "UTC" else ""
