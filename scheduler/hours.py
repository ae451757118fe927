"""Active hours, quiet days and jitter: when a slot that is due is really fired. Pure."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from gateway.domain.schedules import Outside, Rules
from gateway.errors import BadInput
from scheduler.zones import first_moment, wall_time

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_MIDNIGHT = time()
_DAY = timedelta(days=1)
_HOUR = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def parse_hour(text: str) -> time:
    """Read `HH:MM`; raises BadInput."""
    match = _HOUR.fullmatch(text.strip())
    if match is None:
        raise BadInput(f'"{text}" is no time of day; it reads HH:MM, as in "08:30".')
    return time(int(match[1]), int(match[2]))


def is_active(rules: Rules, moment: datetime, zone: ZoneInfo) -> bool:
    """Whether the moment lies within the active hours of a day that is not quiet."""
    wall = wall_time(moment, zone)
    if WEEKDAYS[wall.weekday()] in rules.quiet_days:
        return False
    start, end = _hours(rules)
    if start == end:
        return True
    if start < end:
        return start <= wall.time() < end
    return wall.time() >= start or wall.time() < end


def next_opening(rules: Rules, moment: datetime, zone: ZoneInfo) -> datetime | None:
    """Return the first active moment from this one on; None when there is none in nine days."""
    if is_active(rules, moment, zone):
        return moment
    today = wall_time(moment, zone).date()
    for days in range(10):
        for start in sorted({_MIDNIGHT, _hours(rules)[0]}):
            opening = first_moment(datetime.combine(today + days * _DAY, start), zone)
            if opening >= moment and is_active(rules, opening, zone):
                return opening
    return None


def visible_at(schedule: str, rules: Rules, slot: datetime, zone: ZoneInfo) -> datetime:
    """Return when the slot is fired; for the same slot it is the same everywhere.

    Slots that wait for the same opening are fired in the same moment.
    """
    start = slot
    if rules.outside is Outside.DEFER:
        start = next_opening(rules, slot, zone) or slot
    return start + timedelta(seconds=_jitter(schedule, rules.jitter_seconds, start))


def _hours(rules: Rules) -> tuple[time, time]:
    start = parse_hour(rules.active_from) if rules.active_from else _MIDNIGHT
    end = parse_hour(rules.active_to) if rules.active_to else _MIDNIGHT
    return start, end


def _jitter(schedule: str, most_seconds: int, slot: datetime) -> int:
    if most_seconds <= 0:
        return 0
    digest = hashlib.blake2b(f"{schedule}:{slot.isoformat()}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) % most_seconds
