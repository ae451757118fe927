"""What follows a failure."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import (
    Delivery,
    DeliveryState,
    SendFailed,
    SendLater,
    SendUnknown,
)
from gateway.domain.ids import DeliveryId, LaneId, PersonId, TurnId
from gateway.domain.turns import Turn, TurnRef
from gateway.errors import (
    BadInput,
    DeliveryRefused,
    OutcomeUnknown,
    RateLimited,
    RuntimeUnavailable,
)
from gateway.retries import (
    GiveUp,
    RetryAt,
    RetryPolicy,
    decide_send_retry,
    decide_turn_retry,
)
from tests.fakes.virtual_time import EPOCH

POLICY = RetryPolicy()
PLACE = Conversation("fake", "w1", "c1")


def _turn(attempt: int = 1) -> Turn:
    ref = TurnRef(TurnId("turn-1"), LaneId("p/postern"), attempt)
    return Turn(ref, PersonId("p"), "postern", PLACE, (), attempt, EPOCH)


def _delivery(attempts: int = 1, state: DeliveryState = DeliveryState.SENDING) -> Delivery:
    return Delivery(DeliveryId("turn-1.0"), PLACE, "hi", 1, state, attempts, 1, EPOCH)


def test_a_refused_turn_is_not_run_again() -> None:
    decision = decide_turn_retry(BadInput("no"), _turn(), EPOCH, POLICY)

    assert decision == GiveUp("BadInput: no")


def test_the_wait_that_the_other_side_asked_for_is_kept() -> None:
    error = RuntimeUnavailable("busy", retry_after_seconds=7)

    assert decide_turn_retry(error, _turn(), EPOCH, POLICY) == RetryAt(EPOCH + timedelta(seconds=7))


@pytest.mark.parametrize(("attempt", "least"), [(1, 1), (2, 2), (4, 8), (10, 60), (500, 60)])
def test_waits_double_up_to_the_longest(attempt: int, least: int) -> None:
    decision = decide_turn_retry(RuntimeUnavailable("down"), _turn(attempt), EPOCH, POLICY)

    assert isinstance(decision, RetryAt)
    assert least <= (decision.at - EPOCH).total_seconds() <= least * 1.25


def test_an_outage_is_waited_out_for_a_day_and_no_longer() -> None:
    error = RuntimeUnavailable("down")
    almost, over = EPOCH + timedelta(hours=23), EPOCH + timedelta(hours=24)

    assert isinstance(decide_turn_retry(error, _turn(900), almost, POLICY), RetryAt)
    assert isinstance(decide_turn_retry(error, _turn(900), over, POLICY), GiveUp)


def test_a_bug_is_tried_five_times() -> None:
    error = KeyError("oops")

    assert isinstance(decide_turn_retry(error, _turn(4), EPOCH, POLICY), RetryAt)
    assert decide_turn_retry(error, _turn(5), EPOCH, POLICY) == GiveUp("KeyError: 'oops'")


def test_a_refused_delivery_is_given_up_with_its_reason() -> None:
    outcome = decide_send_retry(DeliveryRefused("no such channel"), _delivery(), EPOCH, POLICY)

    assert outcome == SendFailed("DeliveryRefused: no such channel")


def test_a_rate_limited_delivery_waits_as_asked() -> None:
    error = RateLimited("slow down", retry_after_seconds=2.4)
    outcome = decide_send_retry(error, _delivery(), EPOCH, POLICY)

    assert isinstance(outcome, SendLater)
    assert outcome.at == EPOCH + timedelta(seconds=2.4)


@pytest.mark.parametrize("error", [OutcomeUnknown("cut"), KeyError("a bug")])
def test_what_may_have_been_sent_is_asked_about_before_it_is_repeated(error: Exception) -> None:
    assert isinstance(decide_send_retry(error, _delivery(), EPOCH, POLICY), SendUnknown)


def test_no_delivery_is_tried_for_ever() -> None:
    late = EPOCH + timedelta(hours=24)

    assert isinstance(
        decide_send_retry(OutcomeUnknown("cut"), _delivery(), late, POLICY), SendFailed
    )
    assert isinstance(decide_send_retry(KeyError("bug"), _delivery(5), EPOCH, POLICY), SendFailed)


def test_what_may_be_there_is_asked_for_again_after_a_look_that_had_to_wait() -> None:
    error = RateLimited("slow", retry_after_seconds=2.5)
    delivery = _delivery(state=DeliveryState.UNKNOWN)

    outcome = decide_send_retry(error, delivery, EPOCH, POLICY)

    assert isinstance(outcome, SendUnknown)
    assert outcome.at == EPOCH + timedelta(seconds=2.5)
