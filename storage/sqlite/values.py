"""How our values are written in SQLite and read back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

import pydantic_core

from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import DeliveryState

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_DELIVERY_STATES = (
    DeliveryState.PENDING,
    DeliveryState.SENDING,
    DeliveryState.UNKNOWN,
    DeliveryState.SENT,
    DeliveryState.FAILED,
    DeliveryState.DROPPED,
)
"""A state is stored as its place here. The first three are open: `state < 3`."""

_NUMBERS = {state: number for number, state in enumerate(_DELIVERY_STATES)}


def to_number(state: DeliveryState) -> int:
    """Return how a delivery's state is stored."""
    return _NUMBERS[state]


def to_state(number: int) -> DeliveryState:
    """Return the delivery's state that is stored as this number."""
    return _DELIVERY_STATES[number]


def to_micros(moment: datetime) -> int:
    """Return microseconds since 1970; raises TypeError for a moment without a zone."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the moment, aware UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def maybe_micros(moment: datetime | None) -> int | None:
    """Return microseconds since 1970, or None for None."""
    return None if moment is None else to_micros(moment)


def maybe_moment(micros: int | None) -> datetime | None:
    """Return the moment, or None for None."""
    return None if micros is None else from_micros(micros)


def span(seconds: float) -> int:
    """Return seconds as microseconds."""
    return round(seconds * 1_000_000)


@lru_cache(maxsize=8192)
def to_place(conversation: str) -> Conversation:
    """Return the conversation with this id; most are met again and again."""
    return Conversation.parse(conversation)


def to_json(value: object) -> str:
    """Return the value as compact JSON."""
    return pydantic_core.to_json(value).decode()
