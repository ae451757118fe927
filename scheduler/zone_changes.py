"""Moves what is to come to where new zone data puts it, when a process starts."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from gateway.domain.schedules import Schedule
from gateway.errors import BadInput
from gateway.ports import NoteStore
from scheduler.desk import Desk
from scheduler.misfires import starting_at
from scheduler.triggers import Cron, next_after, parse_trigger, slots_until
from scheduler.zones import zone_data_version

log = logging.getLogger(__name__)

_SUBJECT = "settings"
_ZONES = "zone_data"
_FURTHEST = timedelta(days=1)
"""Nothing moves a clock further."""
_SECOND = timedelta(seconds=1)


async def realign(desk: Desk, notes: NoteStore, now: datetime) -> int:
    """Move all schedules, once for each version of the zone data; returns how many moved."""
    version = zone_data_version()
    if await notes.get(_SUBJECT, _ZONES) == version:
        return 0
    moved = 0
    async for schedule in desk.every():
        try:
            aligned = realigned(schedule, now)
        except BadInput as error:  # the ticker stops it when it is due
            log.warning("schedule_broken", extra={"schedule": schedule.id, "error": str(error)})
            continue
        if aligned is not None:
            await desk.put(aligned)
            moved += 1
    await notes.put(_SUBJECT, _ZONES, version)
    return moved


def realigned(schedule: Schedule, now: datetime) -> Schedule | None:
    """Return the schedule with its next slot computed anew; None when that stays. Pure.

    A line that names times goes on at the one nearest to the one that was to come,
    so that it is neither lost nor repeated, and one that has passed meanwhile is late
    by the rules of its misfire policy. A line that follows the clock goes on from now, or
    from the slot that was due.
    """
    slot = schedule.next_slot
    if slot is None:
        return None
    trigger = parse_trigger(schedule.trigger, schedule.zone)
    moved = _moved(trigger, slot, now) if isinstance(trigger, Cron) else slot
    aligned = starting_at(schedule, moved)
    same = (aligned.next_at, aligned.next_slot) == (schedule.next_at, slot)
    return None if same else aligned


def _moved(trigger: Cron, slot: datetime, now: datetime) -> datetime | None:
    if trigger.is_running:
        return next_after(trigger, min(slot, now) - _SECOND)
    following = next_after(trigger, slot - _SECOND)
    reach = _FURTHEST if following is None else min(_FURTHEST, following - slot)
    nearer = slots_until(trigger, slot - reach + _SECOND, slot - _SECOND, 1)
    return nearer[-1] if nearer else following
