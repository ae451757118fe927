"""Time zones: found by name, and what their clocks do where they are set forward or back.

Moments are aware UTC; wall-clock times are naive.
"""

from __future__ import annotations

import difflib
import zoneinfo
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import tzdata

from gateway.errors import BadInput

YEARS_AHEAD = 12
"""How far a clock is followed."""

_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A span of time through which a zone's clock runs evenly."""

    start: datetime
    end: datetime
    """The moment of the next change; not part of it."""
    offset: timedelta
    """What the wall clock shows minus UTC."""


def find_zone(name: str) -> ZoneInfo:
    """Return the zone of this IANA name; raises BadInput that tells the nearest name."""
    if name in _names():
        return load_zone(name)
    by_lower = {known.lower(): known for known in _names()}
    tails = {known.rsplit("/", 1)[-1].lower(): known for known in sorted(_names())}
    wanted = name.strip().replace(" ", "_").lower()
    near = difflib.get_close_matches(wanted, [*by_lower, *tails], n=1, cutoff=0.6)
    best = None if not near else by_lower.get(near[0]) or tails[near[0]]
    hint = f'Did you mean "{best}"?' if best else 'Write it as in "Europe/Vienna" or "UTC".'
    raise BadInput(f'"{name}" is not an IANA time zone. {hint}')


@lru_cache(maxsize=1024)
def load_zone(name: str) -> ZoneInfo:
    """Return a zone that was found before; raises BadInput when this machine lacks it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadInput(f'This machine has no data of the time zone "{name}".') from None


def zone_data_version() -> str:
    """Return the version of the zone data in use: this machine's, or that of our own package."""
    for folder in zoneinfo.TZPATH:
        with suppress(OSError), (Path(folder) / "tzdata.zi").open(encoding="utf-8") as file:
            return file.readline().strip()
    return tzdata.IANA_VERSION


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(available_timezones()) | {"UTC"}


def wall_time(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return what the zone's wall clock shows at the moment, naive."""
    return moment.astimezone(zone).replace(tzinfo=None)


def first_moment(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return when the wall clock first shows this time, or first is beyond it.

    Of a time that comes twice it is the first; of one that is skipped, it is
    the moment in which the clock is set forward.
    """
    moment = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if wall_time(moment, zone) == wall:
        return moment
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _change_between(zone, before, moment)


def stretches(zone: ZoneInfo, moment: datetime) -> Iterator[Stretch]:
    """Yield the even spans from the one that holds the moment, in order, for some years."""
    start, last_year = moment, moment.year + YEARS_AHEAD
    for year in range(moment.year, last_year):
        for change in _changes(zone, year):
            if change > start:
                yield Stretch(start, change, _offset(zone, start))
                start = change
    yield Stretch(start, datetime(last_year, 1, 1, tzinfo=UTC), _offset(zone, start))


@lru_cache(maxsize=4096)
def _changes(zone: ZoneInfo, year: int) -> tuple[datetime, ...]:
    """Return the moments of a UTC year in which the clock is set; at most one a day is seen."""
    start = datetime(year, 1, 1, tzinfo=UTC)
    days = (datetime(year + 1, 1, 1, tzinfo=UTC) - start).days
    probes = [start + day * _DAY for day in range(days + 1)]
    return tuple(
        _change_between(zone, before, after)
        for before, after in pairwise(probes)
        if _offset(zone, before) != _offset(zone, after)
    )


def _change_between(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """Return the first moment after `before` with the offset of `after`, to the second."""
    offset = _offset(zone, after)
    while after - before > _SECOND:
        middle = before + (after - before) // _SECOND // 2 * _SECOND
        if _offset(zone, middle) == offset:
            after = middle
        else:
            before = middle
    return after


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()
