"""How our values are written in every database alike, and read back."""

from __future__ import annotations

import json
from dataclasses import astuple
from functools import lru_cache

import pydantic_core

from gateway.domain.artifacts import Attachment
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


def write_attachments(attachments: tuple[Attachment, ...]) -> str | None:
    """Return the JSON text; None for the usual message, which has none."""
    if not attachments:
        return None
    return to_json([astuple(attachment) for attachment in attachments])


def read_attachments(written: str | None) -> tuple[Attachment, ...]:
    """Return what was attached to a message."""
    return tuple(Attachment(*attachment) for attachment in json.loads(written)) if written else ()
