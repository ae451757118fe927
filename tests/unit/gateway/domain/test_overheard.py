"""Where a message stands among others, as its platform counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.domain.conversations import Conversation
from gateway.domain.messages import InboundMessage, MessageKind, for_one_of_all
from gateway.domain.overheard import place_before, position_of
from gateway.domain.people import Identity, Sender

CHANNEL = Conversation("slack", "T1", "C2")


def said(event: str, place: Conversation = CHANNEL) -> InboundMessage:
    sender = Sender(Identity("slack", "T1", "U3"), "Ada")
    return InboundMessage(event, place, sender, "hi", datetime(2026, 1, 5, tzinfo=UTC))


@pytest.mark.parametrize(
    ("event", "position"),
    [
        ("C2:171.000500", "171.000500"),
        ("1234567890123456789", "1234567890123456789"),
        ("command:171.5", None),
        ("C2:171.5:reaction:U1:eyes:172.5", None),
        ("web-1", None),
        ("", None),
    ],
)
def test_only_messages_of_a_channel_have_a_position(event: str, position: str | None) -> None:
    assert position_of(said(event)) == position
    assert position_of(for_one_of_all(said(event), "scribe")) == position


@pytest.mark.parametrize("kind", [kind for kind in MessageKind if kind is not MessageKind.TEXT])
def test_what_nobody_said_has_no_position(kind: MessageKind) -> None:
    assert position_of(replace(said("C2:171.5"), kind=kind)) is None


def test_a_thread_that_begins_with_the_message_has_only_its_channel_before() -> None:
    thread = replace(CHANNEL, thread="171.5")

    assert place_before(said("C2:171.5", thread)) == CHANNEL
    assert place_before(said("C2:172.5", thread)) == thread
    assert place_before(said("C2:171.5")) == CHANNEL
