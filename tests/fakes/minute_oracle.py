"""Which minutes a cron line fires in, found by watching a zone's clock minute by minute.

Shares no code with the scheduler: plain star, lists, ranges and steps, and nothing clever.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


@dataclass(frozen=True, slots=True)
class Line:
    """A cron line, taken apart."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    names_times: bool
    """Neither minute nor hour begins with a star."""
    needs_both_days: bool
    """Day and weekday have to fit where one of them begins with a star; else one is enough."""

    @classmethod
    def read(cls, text: str) -> Line:
        """Take the line apart."""
        parts = text.split()
        minutes, hours, days, months, weekdays = (
            _values(part, *span) for part, span in zip(parts, _RANGES, strict=True)
        )
        stars = [part.startswith("*") for part in parts]
        return cls(
            minutes,
            hours,
            days,
            months,
            weekdays=frozenset(day % 7 for day in weekdays),
            names_times=not (stars[0] or stars[1]),
            needs_both_days=stars[2] or stars[4],
        )

    def fits(self, wall: datetime) -> bool:
        """Whether the wall clock shows a time of this line."""
        if wall.minute not in self.minutes or wall.hour not in self.hours:
            return False
        if wall.month not in self.months:
            return False
        day, weekday = wall.day in self.days, wall.isoweekday() % 7 in self.weekdays
        return (day and weekday) if self.needs_both_days else (day or weekday)


class Watch:
    """A zone's wall clock through a span of time, written down every minute."""

    def __init__(self, zone: ZoneInfo, start: datetime, minutes: int) -> None:
        self.start = start
        self.end = start + minutes * MINUTE
        moments = [start + minute * MINUTE for minute in range(minutes + 1)]
        self._shown = [(m, m.astimezone(zone).replace(tzinfo=None)) for m in moments]

    def fires(self, line: Line) -> list[datetime]:
        """Return the moments after the start in which the line fires."""
        return self._first_reached(line) if line.names_times else self._shown_now(line)

    def _shown_now(self, line: Line) -> list[datetime]:
        return [moment for moment, wall in self._shown[1:] if line.fits(wall)]

    def _first_reached(self, line: Line) -> list[datetime]:
        """Fire when a time is reached, or passed over, that was never reached before."""
        furthest = self._shown[0][1]
        found: list[datetime] = []
        for moment, wall in self._shown[1:]:
            is_due = False
            while furthest < wall:
                furthest += MINUTE
                is_due = is_due or line.fits(furthest)
            if is_due:
                found.append(moment)
        return found


def _values(part: str, low: int, high: int) -> frozenset[int]:
    found: set[int] = set()
    for term in part.split(","):
        span, _, step = term.partition("/")
        first, _, last = (f"{low}-{high}" if span == "*" else span).partition("-")
        end = int(last) if last else (high if step else int(first))
        found.update(range(int(first), end + 1, int(step or 1)))
    return frozenset(found)


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    """Return the moment."""
    return datetime(year, month, day, hour, minute, tzinfo=UTC)
