"""A schedule in words: how it was understood, and when it fires next. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice
from typing import assert_never

from gateway.domain.schedules import Schedule
from scheduler.hours import visible_at
from scheduler.misfires import why_skipped
from scheduler.triggers import Cron, Every, Once, parse_trigger, slots
from scheduler.zones import load_zone

_LOOKED_AT = 1_000
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_UNITS = ((604_800, "week"), (86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def say_trigger(schedule: Schedule) -> str:
    """Return what the trigger was understood as."""
    trigger = parse_trigger(schedule.trigger, schedule.zone)
    match trigger:
        case Cron(expression, zone):
            return f"{_say_cron(expression)} ({zone})"
        case Every(seconds):
            return f"every {_say_span(seconds)}"
        case Once(at):
            return f"once, {say_moment(at, schedule.zone)}"
        case _:
            assert_never(trigger)


def say_schedule(schedule: Schedule, now: datetime) -> str:
    """Return one sentence with the trigger and the next fires."""
    coming = next_fires(schedule, now)
    moments = ", ".join(f"{moment:%a %Y-%m-%d %H:%M}" for moment in coming)
    return f"{say_trigger(schedule)}. Next: {moments or 'never'}."


def say_moment(moment: datetime, zone: str) -> str:
    """Return the moment on the wall clock of the zone."""
    return f"{moment.astimezone(load_zone(zone)):%a %Y-%m-%d %H:%M} ({zone})"


def next_fires(schedule: Schedule, now: datetime, count: int = 3) -> list[datetime]:
    """Return when it will fire next, as its rules have it, in its own zone."""
    if schedule.is_paused:
        return []
    trigger, zone = parse_trigger(schedule.trigger, schedule.zone), load_zone(schedule.zone)
    looked_at = islice(slots(trigger, now - timedelta(days=1)), _LOOKED_AT)
    found: list[datetime] = []
    for slot in looked_at:
        at = visible_at(schedule.id, schedule.rules, slot, zone)
        if at > now and at not in found and not why_skipped(schedule.rules, slot, schedule.zone):
            found.append(at)
        if len(found) == count:
            break
    return [moment.astimezone(zone) for moment in sorted(found)]


def _say_cron(expression: str) -> str:
    """Say the plain ones in words; the line itself says the others best."""
    minute, hour, day, month, weekday = expression.split()
    if month != "*" or not (minute.isdigit() and hour.isdigit()):
        return f'cron "{expression}"'
    at = f"at {int(hour):02}:{int(minute):02}"
    if day.isdigit() and weekday == "*":
        return f"every month on day {day} {at}"
    if day != "*":
        return f'cron "{expression}"'
    if weekday in ("*", "1-5"):
        return f"every {'day' if weekday == '*' else 'weekday'} {at}"
    if all(part.isdigit() for part in weekday.split(",")):
        days = " and ".join(_DAYS[int(part)] for part in weekday.split(","))
        return f"every {days} {at}"
    return f'cron "{expression}"'


def _say_span(seconds: int) -> str:
    size, name = next(unit for unit in _UNITS if seconds % unit[0] == 0)
    count = seconds // size
    return name if count == 1 else f"{count} {name}s"
