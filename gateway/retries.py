"""Decides what follows a failure: pure functions that the outbox and the turn runner obey."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.domain.deliveries import (
    Delivery,
    DeliveryState,
    SendFailed,
    SendLater,
    SendOutcome,
    SendUnknown,
)
from gateway.domain.turns import Turn
from gateway.errors import OutcomeUnknown, Refused, RetryLater


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to keep trying."""

    first_seconds: float = 1.0
    """The wait after the first failure; it doubles with each further one."""
    longest_seconds: float = 60.0
    give_up_after: timedelta = timedelta(hours=24)
    """A failure that may pass is retried until the thing is this old."""
    bug_attempts: int = 5
    """A failure that we did not foresee is tried only this often."""


@dataclass(frozen=True, slots=True)
class RetryAt:
    """Try again at this moment."""

    at: datetime


@dataclass(frozen=True, slots=True)
class GiveUp:
    """It is over; the reason goes to the operator."""

    reason: str


def decide_turn_retry(
    error: Exception, turn: Turn, now: datetime, policy: RetryPolicy
) -> RetryAt | GiveUp:
    """Say whether a turn that failed by `error` runs again, and when."""
    reason = f"{type(error).__name__}: {error}"
    if isinstance(error, Refused):
        return GiveUp(reason)
    if isinstance(error, RetryLater):
        if now - turn.started_at >= policy.give_up_after:
            return GiveUp(reason)
        return RetryAt(now + _wait(error, turn.attempt, turn.ref.id, policy))
    if turn.attempt >= policy.bug_attempts:
        return GiveUp(reason)
    return RetryAt(now + _backoff(turn.attempt, turn.ref.id, policy))


def decide_send_retry(
    error: Exception, delivery: Delivery, now: datetime, policy: RetryPolicy
) -> SendOutcome:
    """Say what becomes of a delivery whose try ended in `error`."""
    reason = f"{type(error).__name__}: {error}"
    if isinstance(error, Refused):
        return SendFailed(reason)
    foreseen = isinstance(error, RetryLater | OutcomeUnknown)
    if now - delivery.created_at >= policy.give_up_after:
        return SendFailed(reason)
    if not foreseen and delivery.attempts >= policy.bug_attempts:
        return SendFailed(reason)
    if isinstance(error, RetryLater):
        at = now + _wait(error, delivery.attempts, delivery.id, policy)
        # An earlier try may be there, and who could not be asked now must be asked again.
        is_unknown = delivery.state is DeliveryState.UNKNOWN
        return SendUnknown(at, reason) if is_unknown else SendLater(at, reason)
    return SendUnknown(now + _backoff(delivery.attempts, delivery.id, policy), reason)


def _wait(error: RetryLater, attempt: int, key: str, policy: RetryPolicy) -> timedelta:
    if error.retry_after_seconds is not None:
        return timedelta(seconds=error.retry_after_seconds)
    return _backoff(attempt, key, policy)


def _backoff(attempt: int, key: str, policy: RetryPolicy) -> timedelta:
    """Double with each attempt, spread by up to a quarter that depends on the key alone."""
    seconds = min(policy.longest_seconds, policy.first_seconds * 2 ** min(attempt - 1, 20))
    spread = hashlib.blake2b(f"{key}/{attempt}".encode(), digest_size=1).digest()[0] / 255
    return timedelta(seconds=seconds * (1 + spread / 4))
