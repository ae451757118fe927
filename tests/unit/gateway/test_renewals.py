"""When a conversation is over: after a pause, or once a day on somebody's clock."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.domain.conversations import Conversation
from gateway.renewals import Ends, RenewalPolicy

VIENNA, TOKYO = ZoneInfo("Europe/Vienna"), ZoneInfo("Asia/Tokyo")
NEVER = Ends()
IDLE = Ends(idle=timedelta(hours=2))
DAILY = Ends(daily_at=time(4))


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("last", "now", "is_over"),
    [
        ("01-05 10:00", "01-05 11:59", False),
        ("01-05 10:00", "01-05 12:00", True),
        ("01-05 10:00", "01-05 09:59", False),
    ],
)
def test_a_pause_ends_a_conversation(last: str, now: str, *, is_over: bool) -> None:
    assert IDLE.is_over(_utc(last), _utc(now), UTC) is is_over


@pytest.mark.parametrize(
    ("last", "now", "in_utc", "in_tokyo"),
    [
        ("01-05 03:59", "01-05 04:00", True, False),
        ("01-05 04:00", "01-06 03:59", False, True),
        ("01-05 18:59", "01-05 19:00", False, True),
        ("01-05 23:00", "01-06 01:00", False, False),
        ("01-05 12:00", "01-08 01:00", True, True),
    ],
)
def test_a_day_ends_on_the_clock_of_its_zone(
    last: str, now: str, *, in_utc: bool, in_tokyo: bool
) -> None:
    assert DAILY.is_over(_utc(last), _utc(now), UTC) is in_utc
    assert DAILY.is_over(_utc(last), _utc(now), TOKYO) is in_tokyo


def test_a_day_ends_once_where_the_clock_is_put_back() -> None:
    twice = Ends(daily_at=time(2, 30))
    first, second = _utc("10-25 00:30"), _utc("10-25 01:30")

    assert twice.is_over(first - timedelta(minutes=1), first, VIENNA)
    assert not twice.is_over(first, second, VIENNA)
    assert not twice.is_over(second, second + timedelta(hours=12), VIENNA)


def test_a_day_ends_once_where_the_clock_leaps_over_the_moment() -> None:
    leapt = Ends(daily_at=time(2, 30))
    before, after = _utc("03-29 00:59"), _utc("03-29 02:00")

    assert leapt.is_over(before, after, VIENNA)
    assert not leapt.is_over(after, _utc("03-29 23:00"), VIENNA)


def test_either_ends_it_and_neither_never_does() -> None:
    both = Ends(timedelta(hours=2), time(4))

    assert both.is_over(_utc("01-05 10:00"), _utc("01-05 12:00"), UTC)
    assert both.is_over(_utc("01-05 03:59"), _utc("01-05 04:01"), UTC)
    assert not NEVER.is_over(_utc("01-05 10:00"), _utc("12-31 10:00"), UTC)


def test_each_kind_of_place_has_its_own() -> None:
    policy = RenewalPolicy(direct=IDLE, channel=DAILY, thread=NEVER)

    assert policy.of(Conversation("discord", "dm", "9")) == IDLE
    assert policy.of(Conversation("slack", "T1", "D1", "1.2")) == IDLE
    assert policy.of(Conversation("slack", "T1", "C1")) == DAILY
    assert policy.of(Conversation("slack", "T1", "C1", "1.2")) == NEVER
