"""The rules for clocks that are set, by example; properties hold them for every zone."""

from datetime import UTC, datetime
from itertools import islice

import pytest

from gateway.errors import BadInput
from scheduler.triggers import (
    Cron,
    Every,
    Once,
    check_expression,
    next_after,
    parse_trigger,
    slots,
    write_trigger,
)
from scheduler.zones import find_zone, load_zone


def shown(expression: str, zone: str, after: datetime, count: int) -> list[str]:
    found = islice(slots(Cron(expression, zone), after), count)
    return [f"{slot.astimezone(load_zone(zone)):%d %H:%M%z}" for slot in found]


def test_a_time_in_a_gap_fires_when_the_clock_is_set_forward() -> None:
    before = datetime(2026, 3, 8, 6, tzinfo=UTC)

    found = shown("30 2 * * *", "America/New_York", before, 2)

    assert found == ["08 03:00-0400", "09 02:30-0400"]


def test_a_time_that_comes_twice_fires_the_first_time() -> None:
    before = datetime(2026, 11, 1, 4, tzinfo=UTC)

    found = shown("30 1 * * *", "America/New_York", before, 2)

    assert found == ["01 01:30-0400", "02 01:30-0500"]


def test_a_line_that_follows_the_clock_runs_through_an_hour_that_comes_twice() -> None:
    before = datetime(2026, 11, 1, 4, 45, tzinfo=UTC)

    found = shown("*/30 * * * *", "America/New_York", before, 5)

    assert found == [
        *("01 01:00-0400", "01 01:30-0400", "01 01:00-0500", "01 01:30-0500", "01 02:00-0500"),
    ]


def test_two_times_in_one_gap_are_one_fire() -> None:
    before = datetime(2026, 3, 8, 6, tzinfo=UTC)

    found = shown("15,45 2 * * *", "America/New_York", before, 2)

    assert found == ["08 03:00-0400", "09 02:15-0400"]


def test_a_clock_that_is_set_by_half_an_hour_is_followed() -> None:
    before = datetime(2026, 10, 3, 14, tzinfo=UTC)

    found = shown("15 2 * * *", "Australia/Lord_Howe", before, 2)

    assert found == ["04 02:30+1100", "05 02:15+1100"]


@pytest.mark.parametrize(
    "trigger",
    [
        Cron("0 9 L * 5#1", "UTC"),
        Every(900),
        Every(60, datetime(2026, 1, 5, 9, tzinfo=UTC)),
        Once(datetime(2026, 1, 5, 9, 0, 0, 5, tzinfo=UTC)),
    ],
)
def test_a_trigger_is_read_as_it_was_written(trigger: Cron | Every | Once) -> None:
    assert parse_trigger(write_trigger(trigger), "UTC") == trigger


@pytest.mark.parametrize(
    "text", ["", "cron", "every:x", "every:0", "every:-5", "at:soon", "at:2026-01-01"]
)
def test_a_trigger_that_is_none_is_refused(text: str) -> None:
    if text == "cron":
        text = "crown:* * * * *"

    with pytest.raises(BadInput, match="is no trigger"):
        parse_trigger(text, "UTC")


def test_what_never_comes_is_not_looked_for_for_ever() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    assert next_after(Cron("0 0 * 2 1#5", "Europe/Vienna"), now) is None
    assert next_after(Cron("* * * 2 1#5", "Europe/Vienna"), now) is None
    assert next_after(Once(now), now) is None


def test_a_step_in_a_span_of_one_means_this_one() -> None:
    assert check_expression(" 5-5/2  * * * * ") == "5 * * * *"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("vienna", "Europe/Vienna"),
        ("europe/vienna", "Europe/Vienna"),
        ("Europe/Wien", "Europe/Vienna"),
        ("new york", "America/New_York"),
    ],
)
def test_an_unknown_zone_is_answered_with_the_nearest_one(written: str, meant: str) -> None:
    with pytest.raises(BadInput, match=f'Did you mean "{meant}"'):
        find_zone(written)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "Mars/Olympus", "right/UTC"])
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="is not an IANA time zone"):
        find_zone(name)
