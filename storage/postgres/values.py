"""How our values are written in Postgres and read back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import pydantic_core

from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import DeliveryState

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


@lru_cache(maxsize=8192)
def to_place(conversation: str) -> Conversation:
    """Return the conversation with this id; most are met again and again."""
    return Conversation.parse(conversation)


def to_json(value: object) -> str:
    """Return the value as compact JSON."""
    return pydantic_core.to_json(value).decode()


def storable(text: str) -> str:
    """Return the text with U+FFFD for each NUL, the one character that Postgres can not store."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """Turn rows into one list per column, as `unnest` wants them; there must be a row."""
    return [list(column) for column in zip(*rows, strict=True)]
