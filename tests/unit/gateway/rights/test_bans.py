"""Bans as the inbox asks for them: fresh, over in time, and told once in an hour."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.domain.bans import OPERATOR, Ban
from gateway.domain.conversations import Conversation
from gateway.domain.messages import InboundMessage, MessageKind
from gateway.domain.people import Identity, Sender
from gateway.rights.bans import Bans, ban_refusal
from storage.memory.store import MemoryStore

ADA = Identity("slack", "T1", "UADA")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BAN = Ban(ADA, NOON, None, OPERATOR)
SAID = InboundMessage("e1", Conversation("slack", "T1", "C1"), Sender(ADA, "Ada"), "hello", NOON)


def _after(**time: float) -> datetime:
    return NOON + timedelta(**time)


async def test_a_ban_is_over_at_its_moment_though_nobody_asks_the_store_again() -> None:
    store = MemoryStore()
    await store.people.ban(replace(BAN, until=_after(seconds=0.5)))
    bans = Bans(store.people)

    assert await bans.of(ADA, NOON) is not None
    assert await bans.of(ADA, _after(seconds=0.5)) is None


async def test_the_store_is_asked_again_when_the_clock_goes_back() -> None:
    store = MemoryStore()
    bans = Bans(store.people)
    assert await bans.of(ADA, NOON) is None

    await store.people.ban(replace(BAN, since=_after(hours=-2)))

    assert await bans.of(ADA, _after(hours=-1)) is not None


def test_who_is_banned_is_told_once_in_an_hour_of_the_clock_and_place() -> None:
    def told(said: InboundMessage) -> str | None:
        reply = ban_refusal(said, BAN).reply
        return reply and reply.id

    late = replace(SAID, event_id="e2", sent_at=_after(minutes=59))
    next_hour = replace(SAID, event_id="e3", sent_at=_after(minutes=60))
    elsewhere = replace(SAID, event_id="e4", conversation=Conversation("slack", "T1", "C2"))
    waiting = [replace(SAID, event_id=event, handle="h") for event in ("e5", "e6")]

    assert told(SAID) == told(late)
    others = {told(SAID), told(next_hour), told(elsewhere), *map(told, waiting)}
    assert len(others) == 5


@pytest.mark.parametrize("kind", [MessageKind.EDIT, MessageKind.DELETE, MessageKind.REACTION])
def test_who_is_banned_and_says_nothing_new_is_told_nothing(kind: MessageKind) -> None:
    refusal = ban_refusal(replace(SAID, kind=kind), BAN)

    assert (refusal.reason, refusal.reply) == ("banned", None)
