"""Answers that waited, for the agents or for their platform: when they say so, and when they stay.

Pure; the turn runner and the outbox obey it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.domain.deliveries import Delivery, NewDelivery
from gateway.domain.ids import DeliveryId
from gateway.domain.messages import SAID
from gateway.domain.turns import Turn

ANSWERS_LATE = "_(late: this answers what was written on {at})_"
SENT_LATE = "\n\n_(sent late: this was ready on {at})_"
NOT_SENT = (
    "What I had to say here on {day} (UTC) waited for too long, so it was not sent. It is kept: "
    "ask me again, or ask the operator of this bot for it."
)
WAITED = "It waited since {at}, which is too long to be sent as if nothing were."


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old an answer may be. None where it does not matter."""

    late: timedelta | None = timedelta(hours=1)
    """From then on it says that it is late."""
    unsent: timedelta | None = timedelta(hours=24)
    """From then on what was never shown is not sent any more; it is kept, and that is said."""

    def remark(self, turn: Turn, now: datetime) -> str | None:
        """Return what an answer says when those whom it answers wrote long ago; None if not.

        The newest of what they wrote counts. For late wakeups their schedules have rules.
        """
        said = [each.sent_at for each in turn.messages if each.kind in SAID]
        if self.late is None or not said or now - max(said) < self.late:
            return None
        return ANSWERS_LATE.format(at=_moment(max(said)))

    def is_late(self, delivery: Delivery, now: datetime) -> bool:
        """Whether a part of an answer says that it is late, if it is shown now."""
        return _is_older(delivery, self.late, now)

    def is_too_old(self, delivery: Delivery, now: datetime) -> bool:
        """Whether a part of an answer is not to be shown any more, if it never was."""
        return _is_older(delivery, self.unsent, now)


def _is_older(delivery: Delivery, age: timedelta | None, now: datetime) -> bool:
    """Say it of a part that nobody has seen yet; one that still grows is too young to tell."""
    if age is None or delivery.turn is None or delivery.is_draft:
        return False
    is_to_be_shown = bool(delivery.text) and delivery.receipt is None
    return is_to_be_shown and now - delivery.created_at >= age


def label_of(delivery: Delivery) -> str:
    """Return what stands below it when it is late: the same at every try."""
    return SENT_LATE.format(at=_moment(delivery.created_at))


def why_not_sent(delivery: Delivery) -> str:
    """Return the reason for the operator."""
    return WAITED.format(at=_moment(delivery.created_at))


def not_sent(delivery: Delivery) -> NewDelivery:
    """Return what people hear instead of it: one sentence for a conversation and a day."""
    day = f"{delivery.created_at:%Y-%m-%d}"
    whom = delivery.handle if delivery.is_private else None
    key = f"{delivery.conversation.id}\n{whom}\n{day}"
    digest = hashlib.blake2b(key.encode(), digest_size=12).hexdigest()
    return NewDelivery(
        id=DeliveryId(f"unsent-{digest}"),
        conversation=delivery.conversation,
        text=NOT_SENT.format(day=day),
        handle=whom,
        is_private=delivery.is_private,
    )


def next_part(delivery: Delivery) -> str:
    """Return the id of what comes after it in its answer."""
    return f"{delivery.turn}.{delivery.index + 1}"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d at %H:%M} UTC"
