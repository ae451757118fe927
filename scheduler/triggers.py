"""When a schedule is due: cron expressions, intervals and single moments. Pure.

The rules for clocks that are set forward or back are in docs/schedules.md. They
are those of Debian's cron, kept in zones whose clocks move by half an hour or by
a day too: cronsim reads the expression and steps through plain wall-clock time,
and what the zone does to it is decided here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import assert_never
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from gateway.errors import BadInput
from scheduler.zones import first_moment, load_zone, stretches, wall_time

HORIZON = timedelta(days=3653)
"""Ten years: what does not fire within them never does, for us."""
LONGEST_EXPRESSION = 200

# CronSim reads the step of a span of one as if the span had no end.
_STEP_OF_ONE = re.compile(r"\b(\w+)-\1/\d+(?=,| |$)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Cron:
    """Wall-clock times in a zone, as a cron expression of five fields tells them."""

    expression: str
    zone: str

    @property
    def is_running(self) -> bool:
        """Whether it follows the clock (`*` in minute or hour) instead of naming times of day."""
        minute, hour, *_ = self.expression.split()
        return minute.startswith("*") or hour.startswith("*")


@dataclass(frozen=True, slots=True)
class Every:
    """A steady interval, counted in elapsed time from an anchor; no clock change touches it."""

    seconds: int
    anchor: datetime = _EPOCH


@dataclass(frozen=True, slots=True)
class Once:
    """A single moment."""

    at: datetime


Trigger = Cron | Every | Once


def parse_trigger(text: str, zone: str) -> Trigger:
    """Read `cron:EXPR`, `every:SECONDS[@ISO-8601]` or `at:ISO-8601`; raises BadInput."""
    kind, _, rest = text.partition(":")
    try:
        match kind:
            case "cron":
                return Cron(rest, zone)
            case "every":
                seconds, _, anchor = rest.partition("@")
                return Every(_positive(seconds), _moment(anchor) if anchor else _EPOCH)
            case "at":
                return Once(_moment(rest))
            case _:
                pass
    except ValueError:
        pass
    raise BadInput(f'"{text}" is no trigger. It reads cron:EXPR, every:SECONDS or at:ISO-8601.')


def write_trigger(trigger: Trigger) -> str:
    """Return the text that `parse_trigger` reads back."""
    match trigger:
        case Cron(expression):
            return f"cron:{expression}"
        case Every(seconds, anchor):
            return f"every:{seconds}" + ("" if anchor == _EPOCH else f"@{anchor.isoformat()}")
        case Once(at):
            return f"at:{at.isoformat()}"
        case _:
            assert_never(trigger)


def next_after(trigger: Trigger, moment: datetime) -> datetime | None:
    """Return the first slot after the moment, UTC; None when there is none in ten years."""
    match trigger:
        case Cron():
            return _next_of_cron(trigger, moment)
        case Every(seconds, anchor):
            passed = (moment - anchor) // timedelta(seconds=seconds)
            return anchor + max(passed + 1, 0) * timedelta(seconds=seconds)
        case Once(at):
            return at if at > moment else None
        case _:
            assert_never(trigger)


def slots(trigger: Trigger, after: datetime) -> Iterator[datetime]:
    """Yield the slots after the moment, in order."""
    slot = next_after(trigger, after)
    while slot is not None:
        yield slot
        slot = next_after(trigger, slot)


def slots_until(trigger: Trigger, first: datetime, until: datetime, limit: int) -> list[datetime]:
    """Return the newest slots from `first` to `until`, both included, oldest first.

    At most `limit` of them; however long ago `first` is, little more than those are computed.
    """
    back = timedelta(minutes=limit)
    while True:
        start = max(first, until - back)
        found: list[datetime] = []
        for slot in slots(trigger, start - _SECOND):
            if slot > until:
                break
            found.append(slot)
        if len(found) >= limit or start == first:
            return found[-limit:]
        back *= 4


def check_expression(expression: str) -> str:
    """Return the expression, its spaces put in order; raises BadInput that says what is wrong."""
    fields = _STEP_OF_ONE.sub(r"\1", expression).split()
    if len(expression) > LONGEST_EXPRESSION:
        raise BadInput(f"This cron line has over {LONGEST_EXPRESSION} characters. {_FORM}")
    if len(fields) != 5:
        said = f'"{expression}" has {len(fields)} fields; a cron line has five.'
        raise BadInput(f"{said} {_hint(fields)}")
    line = " ".join(fields)
    if (field := _unfit(line)) is not None:
        said = f'"{expression}" is no cron line: its {field} does not fit.'
        raise BadInput(f"{said} {_hint(fields)}")
    return line


_FORM = 'It reads minute, hour, day, month, weekday, as in "30 8 * * 1-5".'


def _unfit(line: str) -> str | None:
    """Return the field that keeps it from being a cron line; None when it is one."""
    try:
        CronSim(line, _EPOCH)
    except CronSimError as error:
        return str(error).removeprefix("Bad ")
    return None


def _hint(fields: Sequence[str]) -> str:
    nearest = _nearest(fields)
    if nearest is None or _unfit(nearest) is not None:
        return _FORM
    return f'The nearest that is taken is "{nearest}".'


def _nearest(fields: Sequence[str]) -> str | None:
    """Return a line that says what these fields seem to mean, where they are no line."""
    match fields:
        case [name]:
            return _NICKNAMES.get(name.lower())
        case [_, minute, hour, *days] if len(days) == 3:
            return " ".join((minute, hour, *days))
        case [minute, hour, day, month, weekday] if day.isdecimal() and int(day) >= 29:
            return f"{minute} {hour} L {month} {weekday}"
        case _:
            return None


_NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


def _positive(text: str) -> int:
    if (number := int(text)) <= 0:
        raise ValueError(f'"{text}" is no interval.')
    return number


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f'"{text}" has no UTC offset.')
    return moment.astimezone(UTC)


def _next_of_cron(cron: Cron, moment: datetime) -> datetime | None:
    zone = load_zone(cron.zone)
    found = (_next_running if cron.is_running else _next_fixed)(cron, zone, moment)
    return found if found is not None and found <= moment + HORIZON else None


def _next_fixed(cron: Cron, zone: ZoneInfo, moment: datetime) -> datetime | None:
    """Every wall-clock slot once: of an hour that comes twice in the first, of a gap at its end."""
    for wall in CronSim(cron.expression, wall_time(moment, zone)):
        slot = first_moment(wall, zone)
        if slot > moment:
            return slot
    return None


def _next_running(cron: Cron, zone: ZoneInfo, moment: datetime) -> datetime | None:
    """Whenever the wall clock shows a match: twice in an hour that comes twice, never in a gap."""
    for stretch in stretches(zone, moment):
        if stretch.start > moment + HORIZON:
            return None
        # CronSim looks beyond the second it is given; a change of clocks is a slot itself.
        start = moment if stretch.start == moment else stretch.start - _SECOND
        wall = next(CronSim(cron.expression, (start + stretch.offset).replace(tzinfo=None)), None)
        if wall is not None and wall.replace(tzinfo=UTC) - stretch.offset < stretch.end:
            return wall.replace(tzinfo=UTC) - stretch.offset
    return None
