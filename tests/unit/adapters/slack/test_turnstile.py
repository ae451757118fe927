"""Beginnings of installations are few enough that nobody fills the store with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from adapters.slack.turnstile import Turnstile

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_one_address_does_not_keep_others_out() -> None:
    turnstile = Turnstile(each=2, together=10)

    assert [turnstile.lets("here", NOON) for _ in range(4)] == [True, True, False, False]
    assert turnstile.lets("there", NOON)


def test_all_of_them_together_have_a_limit() -> None:
    turnstile = Turnstile(each=2, together=3)

    assert [turnstile.lets(f"{n}", NOON) for n in range(5)] == [True, True, True, False, False]


def test_after_a_minute_there_is_room_again() -> None:
    turnstile = Turnstile(each=1, together=1)
    turnstile.lets("here", NOON)

    assert not turnstile.lets("here", NOON + timedelta(seconds=59))
    assert turnstile.lets("here", NOON + timedelta(seconds=60))
