"""Which parts of answers are late, or too old, and what is said instead of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Delivery, DeliveryState
from gateway.domain.ids import DeliveryId, PlatformMessageId, TurnId
from gateway.freshness import Freshness, not_sent

READY = datetime(2026, 1, 5, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(hours=24)
FRESH = Freshness(HOUR, DAY)
PART = Delivery(
    DeliveryId("turn-1.0"),
    Conversation("fake", "w1", "c1"),
    "hello",
    revision=1,
    state=DeliveryState.SENDING,
    attempts=1,
    fence=1,
    created_at=READY,
    turn=TurnId("turn-1"),
)


def test_an_answer_is_late_from_its_time_on() -> None:
    moment = timedelta(microseconds=1)

    assert not FRESH.is_late(PART, READY + HOUR - moment)
    assert FRESH.is_late(PART, READY + HOUR)
    assert not FRESH.is_too_old(PART, READY + DAY - moment)
    assert FRESH.is_too_old(PART, READY + DAY)


@pytest.mark.parametrize(
    "part",
    [
        replace(PART, turn=None),
        replace(PART, is_draft=True),
        replace(PART, text=""),
        replace(PART, receipt=PlatformMessageId("m1")),
    ],
    ids=["no part of an answer", "still growing", "taken back", "seen already"],
)
def test_what_is_no_answer_that_nobody_has_seen_is_never_late(part: Delivery) -> None:
    assert not FRESH.is_late(part, READY + 2 * DAY)
    assert not FRESH.is_too_old(part, READY + 2 * DAY)


def test_nothing_is_late_where_it_does_not_matter() -> None:
    never = Freshness(None, None)

    assert not never.is_late(PART, READY + 2 * DAY)
    assert not never.is_too_old(PART, READY + 2 * DAY)


def test_one_sentence_stands_for_all_of_a_day_and_a_place() -> None:
    elsewhere = replace(PART, conversation=Conversation("fake", "w1", "c2"))
    others = [elsewhere, replace(PART, created_at=READY + DAY)]

    assert not_sent(replace(PART, text="bye", index=1)) == not_sent(PART)
    assert len({not_sent(each).id for each in (PART, *others)}) == 3


def test_whoever_alone_would_have_read_it_alone_reads_the_sentence() -> None:
    alone = replace(PART, handle="token-of-ada", is_private=True)

    told = not_sent(alone)

    assert (told.handle, told.is_private) == ("token-of-ada", True)
    assert not_sent(replace(PART, handle="token-of-ada")).handle is None
    assert told.id not in (not_sent(PART).id, not_sent(replace(alone, handle="of-bob")).id)
