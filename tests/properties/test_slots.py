"""Slots against an oracle that watches the clock of a zone minute by minute."""

from __future__ import annotations

import os
import random
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise, product, takewhile
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.triggers import Cron, Every, next_after, slots, slots_until
from tests.fakes.minute_oracle import MINUTE, Line, Watch, utc

SET_CLOCKS = {
    "America/New_York": (utc(2026, 3, 8), utc(2026, 11, 1), utc(2031, 3, 9)),
    "Europe/Vienna": (utc(2026, 3, 29), utc(2027, 10, 31)),
    "Australia/Lord_Howe": (utc(2026, 4, 4), utc(2026, 10, 3), utc(2030, 4, 6)),
    "America/Santiago": (utc(2026, 4, 5), utc(2026, 9, 6)),
    "Africa/Cairo": (utc(2026, 4, 23), utc(2026, 10, 29)),
    "Africa/Casablanca": (utc(2026, 2, 15), utc(2026, 3, 22)),
    "Antarctica/Troll": (utc(2026, 3, 29), utc(2026, 10, 25)),
    "America/Havana": (utc(2026, 3, 8), utc(2026, 11, 1)),
    "America/Caracas": (utc(2007, 12, 9), utc(2016, 5, 1)),
    "Pacific/Apia": (utc(2011, 12, 30),),
    "Asia/Kathmandu": (utc(2026, 6, 1),),
}
"""Zones, with days on which their clocks are set: by an hour, half of one, two, a whole day."""

DAYS_AROUND = 2


@lru_cache(maxsize=64)
def watch(zone: str, day: datetime) -> Watch:
    start = day - timedelta(days=DAYS_AROUND, minutes=17)
    return Watch(ZoneInfo(zone), start, minutes=2 * DAYS_AROUND * 1440)


def field(low: int, high: int) -> st.SearchStrategy[str]:
    value = st.integers(low, high)
    span = st.tuples(value, value).map(lambda pair: f"{min(pair)}-{max(pair)}")
    longer = st.tuples(st.integers(low, high - 1), st.integers(1, high - low)).map(
        lambda pair: f"{pair[0]}-{min(high, sum(pair))}"
    )
    step = st.integers(1, max(2, (high - low) // 2))
    stepped = st.tuples(longer | st.just("*"), step).map(lambda pair: f"{pair[0]}/{pair[1]}")
    values = st.lists(value, min_size=1, max_size=4).map(lambda some: ",".join(map(str, some)))
    return st.just("*") | values | span | stepped


# Around the moments in which clocks are set, most expressions should have something to do.
HOURS = st.one_of(field(0, 23), field(0, 4), st.just("*"))
DATES = st.one_of(st.just("*"), st.just("*"), field(1, 28))
WEEKDAYS = st.one_of(st.just("*"), st.just("*"), field(0, 7))
EXPRESSIONS = st.tuples(field(0, 59), HOURS, DATES, st.just("*"), WEEKDAYS).map(" ".join)
PLACES = st.sampled_from([(zone, day) for zone, days in SET_CLOCKS.items() for day in days])


def slots_within(cron: Cron, start: datetime, end: datetime) -> list[datetime]:
    return list(takewhile(lambda slot: slot <= end, slots(cron, start)))


@settings(max_examples=200, deadline=None)
@given(expression=EXPRESSIONS, place=PLACES)
def test_every_slot_comes_once_and_as_the_clock_of_its_zone_shows_it(
    expression: str, place: tuple[str, datetime]
) -> None:
    watched = watch(*place)
    cron = Cron(expression, place[0])

    found = slots_within(cron, watched.start, watched.end)

    assert found == watched.fires(Line.read(expression))


ZONES = sorted(available_timezones())
LETTERS = sorted({zone[0] for zone in ZONES})
ROUNDS = int(os.environ.get("POSTERN_TEST_ZONE_ROUNDS", "1"))
"""Random expressions and changes of clocks for each zone; each round takes about ten seconds."""


def random_field(chance: random.Random, low: int, high: int) -> str:
    some = sorted(chance.randint(low, high) for _ in range(3))
    stepped = f"{some[0]}-{some[2] + (some[0] == some[2] < high)}/{chance.randint(2, 9)}"
    shapes = ["*", f"*/{chance.randint(2, 9)}", str(some[0]), ",".join(map(str, some))]
    return chance.choice([*shapes, stepped if some[0] < some[2] else "*"])


def random_line(chance: random.Random) -> str:
    """Return an expression, most of which have something to do in the small hours."""
    hours = chance.choice([random_field(chance, 0, 23), random_field(chance, 0, 4), "*"])
    date = chance.choice(["*", "*", random_field(chance, 1, 28)])
    weekday = chance.choice(["*", "*", random_field(chance, 0, 6)])
    return f"{random_field(chance, 0, 59)} {hours} {date} * {weekday}"


def random_change(chance: random.Random, zone: ZoneInfo) -> datetime:
    """Return a day from 2000 to 2040 on which the clock is set; any day where it seldom is."""
    days: list[datetime] = []
    for _try in range(6):
        year = utc(chance.randint(2000, 2039), 1, 1)
        days = [year + timedelta(days=day) for day in range(366)]
        offsets = [day.astimezone(zone).utcoffset() for day in days]
        found = [
            day for day, (old, new) in zip(days, pairwise(offsets), strict=False) if old != new
        ]
        if found:
            return chance.choice(found)
    return chance.choice(days)


@pytest.mark.parametrize("letter", LETTERS)
def test_the_clocks_of_all_zones_are_followed_where_they_are_set(letter: str) -> None:
    zones = [zone for zone in ZONES if zone.startswith(letter)]

    for zone, number in product(zones, range(ROUNDS)):
        chance = random.Random(f"{zone} {number}")
        line, day = random_line(chance), random_change(chance, ZoneInfo(zone))
        watched = Watch(ZoneInfo(zone), day - timedelta(minutes=737), minutes=2_880)
        found = slots_within(Cron(line, zone), watched.start, watched.end)
        assert found == watched.fires(Line.read(line)), (zone, line, day)


@settings(max_examples=100, deadline=None)
@given(expression=EXPRESSIONS, place=PLACES, data=st.data())
def test_what_comes_next_is_the_same_from_every_moment(
    expression: str, place: tuple[str, datetime], data: st.DataObject
) -> None:
    watched = watch(*place)
    seconds = data.draw(st.integers(0, int((watched.end - watched.start).total_seconds())))
    moment = watched.start + timedelta(seconds=seconds, microseconds=seconds % 3)

    found = next_after(Cron(expression, place[0]), moment)

    later = [slot for slot in watched.fires(Line.read(expression)) if slot > moment]
    if later:
        assert found == later[0]
    else:
        assert found is None or found > watched.end


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize("expression", ["30 1,2 * * *", "*/20 1-3 * * 6,0"])
def test_whole_years_agree_with_the_clock(zone: str, expression: str) -> None:
    watched = _year(zone, random.Random(zone).randint(2026, 2036))

    found = slots_within(Cron(expression, zone), watched.start, watched.end)

    assert found == watched.fires(Line.read(expression))


@lru_cache(maxsize=2)
def _year(zone: str, year: int) -> Watch:
    return Watch(ZoneInfo(zone), utc(year, 1, 1), minutes=365 * 1440)


@given(
    seconds=st.integers(60, 10_000_000),
    hours_before=st.integers(-100_000, 100_000),
    late=st.timedeltas(timedelta(), timedelta(days=9)),
)
def test_an_interval_keeps_its_beat_from_its_anchor(
    seconds: int, hours_before: int, late: timedelta
) -> None:
    start = utc(2026, 1, 1)
    now = start + timedelta(hours=hours_before) + late

    slot = next_after(Every(seconds, start), now)

    assert slot is not None
    assert slot > now
    assert (slot - start) % timedelta(seconds=seconds) == timedelta()
    assert slot == start or slot - timedelta(seconds=seconds) <= now


@settings(max_examples=100, deadline=None)
@given(expression=EXPRESSIONS, place=PLACES, limit=st.integers(1, 30))
def test_the_newest_slots_of_a_span_are_found_from_its_end(
    expression: str, place: tuple[str, datetime], limit: int
) -> None:
    watched = watch(*place)
    cron = Cron(expression, place[0])
    every = watched.fires(Line.read(expression))
    if not every:
        return
    until = watched.end - 90 * MINUTE

    found = slots_until(cron, every[0], until, limit)

    assert found == [slot for slot in every if slot <= until][-limit:]
