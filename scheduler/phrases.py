"""A small grammar for the ways in which people say when: phrase → trigger. Pure.

`in 20 minutes`, `tomorrow at 9`, `every weekday 8:30`, `every monday 9am` … All of
it is in docs/schedules.md, which shows every form that is read here.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from gateway.errors import BadInput
from scheduler.triggers import Cron, Every, Once, Trigger
from scheduler.zones import find_zone, first_moment, wall_time

EXAMPLES = (
    'Some that I know: "in 20 minutes", "tomorrow at 9", "monday at 9am", '
    '"2026-12-24 18:00", "every 15 minutes", "every day at 18:00", "every weekday 8:30", '
    '"every monday and friday at 9".'
)

_SHORT_UNITS = {
    "s": 1,
    "sec": 1,
    "m": 60,
    "min": 60,
    "h": 3600,
    "hr": 3600,
    "d": 86_400,
    "w": 604_800,
}
_WHOLE_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_UNITS = _SHORT_UNITS | _WHOLE_UNITS
_SMALL_NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_NUMBERS = _SMALL_NUMBERS | {"ten": 10, "fifteen": 15, "twenty": 20, "thirty": 30, "half an": 0.5}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)

_UNIT = r"(?:seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|[smhdw])"
_COUNT = rf"(?:\d+(?:\.\d+)?|{'|'.join(_NUMBERS)})"
_SPAN = rf"{_COUNT} ?{_UNIT}(?:(?: and |, | )?{_COUNT} ?{_UNIT})*"
_TIME = r"(?:noon|midnight|\d{1,2}(?:[:.]\d{2})? ?(?:am|pm)?(?: o'?clock)?)"
_DAY = (
    r"(?:mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:r(?:s(?:day)?)?)?|fri(?:day)?"
    r"|sat(?:urday)?|sun(?:day)?)"
)
_SOME_DAYS = rf"{_DAY}s?(?:(?: and |, and |, | ){_DAY}s?)*"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_ORDINAL = r"\d{1,2}(?:st|nd|rd|th)?"


@dataclass(frozen=True, slots=True)
class _Asked:
    """A phrase being read, with the moment and the place of the one who said it."""

    parts: dict[str, str]
    wall: datetime
    """What the clock shows there now."""
    now: datetime
    zone: str


class Unreadable(BadInput):
    """No form that is known; any other BadInput is about a time that can not be."""


def parse_phrase(phrase: str, now: datetime, zone: str) -> Trigger:
    """Return what the phrase means where the clock is that of `zone`.

    Raises BadInput with forms that are understood, and for a moment that has passed.
    """
    asked_zone = find_zone(zone)
    written = _written_moment(phrase.strip(), now, zone)
    if written is not None:
        return written
    plain = " ".join(phrase.lower().replace(" at ", " ").strip(" .!").split())
    plain = re.sub(r"^at ", "", plain)
    for pattern, build in _FORMS:
        match = pattern.fullmatch(plain)
        if match is not None:
            return build(_Asked(match.groupdict(""), wall_time(now, asked_zone), now, zone))
    lacks_time = any(pattern.fullmatch(f"{plain} 9:00") for pattern, _ in _FORMS)
    hint = f'Did you mean "{phrase.strip()} at 9:00"?' if lacks_time else EXAMPLES
    raise Unreadable(f'I can not read "{phrase}" as a time. {hint}')


def parse_interval(text: str, now: datetime) -> Every:
    """Read `15m`, `2 hours`, `1h30m` as an interval that begins now; raises BadInput."""
    plain = " ".join(text.lower().split())
    if not re.fullmatch(_SPAN, plain):
        raise BadInput(f'"{text}" is no interval; it reads "15m", "2 hours" or "1h30m".')
    return Every(_seconds(plain), now.replace(microsecond=0))


def _written_moment(phrase: str, now: datetime, zone: str) -> Once | None:
    """Read ISO 8601, a date with a time; without an offset it is the wall clock's."""
    if not re.match(r"\d{4}-\d{2}-\d{2}[T ]\d", phrase):
        return None
    try:
        moment = datetime.fromisoformat(phrase)
    except ValueError:
        raise BadInput(f'"{phrase}" is no moment that exists. {_nearest(phrase)}') from None
    if moment.tzinfo is None:
        return _once(moment, now, zone)
    return _not_over(moment.astimezone(UTC), now)


def _nearest(phrase: str) -> str:
    """Return a hint at the last day of the month, where the date has one too high."""
    year, month, day = int(phrase[:4]), int(phrase[5:7]), int(phrase[8:10])
    last = monthrange(year, month)[1] if 1 <= month <= 12 else day
    nearest = f"{phrase[:8]}{last:02}{phrase[10:]}"
    return f'The nearest is "{nearest}".' if day > last else EXAMPLES


def _in_a_while(asked: _Asked) -> Trigger:
    seconds = _seconds(asked.parts["span"])
    return _not_over(asked.now.replace(microsecond=0) + timedelta(seconds=seconds), asked.now)


def _every_span(asked: _Asked) -> Trigger:
    return Every(_seconds(asked.parts["span"]), asked.now.replace(microsecond=0))


def _every_unit(asked: _Asked) -> Trigger:
    if asked.parts["unit"] in ("hour", "hourly"):
        return Cron("0 * * * *", asked.zone)
    return Cron("* * * * *", asked.zone)


def _every_day(asked: _Asked) -> Trigger:
    return _cron(asked, "* * *")


def _every_weekday(asked: _Asked) -> Trigger:
    return _cron(asked, "* * 6,0" if asked.parts["which"].startswith("weekend") else "* * 1-5")


def _every_some_days(asked: _Asked) -> Trigger:
    numbers = {(_weekday(day) + 1) % 7 for day in re.findall(_DAY, asked.parts["days"])}
    return _cron(asked, f"* * {','.join(str(number) for number in sorted(numbers))}")


def _every_month(asked: _Asked) -> Trigger:
    day = int(re.sub(r"\D", "", asked.parts["day"]))
    if not 1 <= day <= 31:
        raise BadInput(f"No month has a day {day}; take one from 1 to 31.")
    return _cron(asked, f"{day} * *")


def _today(asked: _Asked) -> Trigger:
    evening = asked.parts["day"] == "tonight"
    at = _time(asked.parts["time"])
    if evening and at.hour < 12 and not asked.parts["time"].endswith("am"):
        at = at.replace(hour=at.hour + 12)
    return _once(datetime.combine(asked.wall, at), asked.now, asked.zone)


def _tomorrow(asked: _Asked) -> Trigger:
    return _on_date(asked, asked.wall.date() + timedelta(days=1))


def _time_alone(asked: _Asked) -> Trigger:
    """Read a time of day as the next moment in which the clock shows it."""
    at = _time(asked.parts["time"])
    today = first_moment(datetime.combine(asked.wall, at), find_zone(asked.zone))
    days = 0 if today > asked.now else 1
    return _on_date(asked, asked.wall.date() + timedelta(days=days))


def _on_weekday(asked: _Asked) -> Trigger:
    ahead = (_weekday(asked.parts["day"]) - asked.wall.weekday()) % 7
    is_over = datetime.combine(asked.wall, _time(asked.parts["time"])) <= asked.wall
    if ahead == 0 and (is_over or "next" in asked.parts["which"]):
        ahead = 7
    return _on_date(asked, asked.wall.date() + timedelta(days=ahead))


def _on_month_day(asked: _Asked) -> Trigger:
    month = next(i for i, name in enumerate(_MONTHS, 1) if name[:3] == asked.parts["month"][:3])
    day = int(re.sub(r"\D", "", asked.parts["day"]))
    year = int(asked.parts["year"] or asked.wall.year)
    found = _date(year, month, day)
    if not asked.parts["year"] and found < asked.wall.date():
        found = _date(year + 1, month, day)
    return _on_date(asked, found)


def _date(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        name, last = _MONTHS[month - 1].title(), monthrange(year, month)[1]
        raise BadInput(f"{name} {year} has no day {day}; its last one is the {last}th.") from None


def _on_date(asked: _Asked, day: date) -> Once:
    return _once(datetime.combine(day, _time(asked.parts["time"])), asked.now, asked.zone)


def _once(wall: datetime, now: datetime, zone: str) -> Once:
    return _not_over(first_moment(wall, find_zone(zone)), now)


def _not_over(moment: datetime, now: datetime) -> Once:
    if moment <= now:
        raise BadInput(
            f'{moment:%Y-%m-%d %H:%M} UTC is over; say a moment to come, such as "tomorrow at 9".'
        )
    return Once(moment)


def _cron(asked: _Asked, days: str) -> Cron:
    at = _time(asked.parts["time"])
    return Cron(f"{at.minute} {at.hour} {days}", asked.zone)


def _time(text: str) -> time:
    if text in ("noon", "midnight"):
        return time(12 if text == "noon" else 0)
    match = re.match(r"(\d+)(?:[:.](\d+))? ?(am|pm)?", text)
    hour, minute = (int(match[1]), int(match[2] or 0)) if match else (99, 0)
    half = match and match[3]
    if half and not 1 <= hour <= 12:
        hour = 99
    elif half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    if hour > 23 or minute > 59:
        raise BadInput(f'"{text}" is no time of day; it reads "18:00", "6pm" or "noon".')
    return time(hour, minute)


def _seconds(span: str) -> int:
    total = 0.0
    for count, unit in re.findall(rf"({_COUNT}) ?({_UNIT})", span.replace("and ", "")):
        known = unit if unit in _UNITS else unit.rstrip("s")
        total += _NUMBERS.get(count, 0) * _UNITS[known] or float(count) * _UNITS[known]
    return min(round(total), 10**10)


def _weekday(day: str) -> int:
    return next(i for i, name in enumerate(_DAYS) if name[:3] == day[:3])


_AT = rf"(?P<time>{_TIME})"
_FORMS: list[tuple[re.Pattern[str], Callable[[_Asked], Trigger]]] = [
    (re.compile(pattern), build)
    for pattern, build in (
        (rf"in (?P<span>{_SPAN})", _in_a_while),
        (r"(?:every )?(?P<unit>hour|minute|hourly)", _every_unit),
        (rf"every (?P<span>{_SPAN})", _every_span),
        (rf"(?:every ?day|daily) {_AT}", _every_day),
        (rf"{_AT} (?:every ?day|daily)", _every_day),
        (rf"(?:every |on )?(?P<which>weekdays?|weekends?) {_AT}", _every_weekday),
        (rf"{_AT} (?:every |on )?(?P<which>weekdays?|weekends?)", _every_weekday),
        (rf"every (?P<days>{_SOME_DAYS}),? {_AT}", _every_some_days),
        (rf"{_AT} every (?P<days>{_SOME_DAYS})", _every_some_days),
        (rf"(?:on )?(?P<days>(?:{_DAY}s)(?:(?: and |, | ){_DAY}s)*) {_AT}", _every_some_days),
        (rf"every month on the (?P<day>{_ORDINAL}) {_AT}", _every_month),
        (rf"(?:on )?the (?P<day>{_ORDINAL}) of every month {_AT}", _every_month),
        (rf"(?P<day>today|tonight) {_AT}", _today),
        (rf"{_AT} (?P<day>today|tonight)", _today),
        (rf"tomorrow {_AT}", _tomorrow),
        (rf"{_AT} tomorrow", _tomorrow),
        (rf"(?P<which>on |next |this |on next )?(?P<day>{_DAY}),? {_AT}", _on_weekday),
        (
            rf"(?:on )?(?P<month>{_MONTH}) (?P<day>{_ORDINAL})(?:,? (?P<year>\d{{4}}))?,? {_AT}",
            _on_month_day,
        ),
        (
            rf"(?:on )?(?P<day>{_ORDINAL}) (?P<month>{_MONTH})(?: (?P<year>\d{{4}}))?,? {_AT}",
            _on_month_day,
        ),
        (r"(?P<time>noon|midnight|\d{1,2}[:.]\d{2}(?: ?[ap]m)?|\d{1,2} ?[ap]m)", _time_alone),
    )
]
