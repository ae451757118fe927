"""Access while the store or a platform does not answer: nobody is let in, and nothing is lost."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.domain.circles import Circle
from gateway.domain.conversations import Conversation
from gateway.domain.messages import InboundMessage, MessageKind
from gateway.domain.people import Identity, Sender
from gateway.errors import RetryLater, StoreUnavailable
from gateway.rights.access import Access
from gateway.rights.circles import Circles
from gateway.rights.policy import AccessMode, AccessPolicy
from storage.memory.people import MemoryPeople
from storage.memory.tables import Tables
from tests.fakes.virtual_time import LoopClock

STAFF, OTHERS = "discord:7:@70", "discord:8:@80"
ADA = Sender(Identity("discord", "discord", "1"), "Ada")
CHANNEL = Conversation("discord", "9", "1")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SAID = InboundMessage("e1", CHANNEL, ADA, "hello", NOON)


class Broken(MemoryPeople):
    """A store that can not say who was let in."""

    async def is_paired(self, identity: Identity) -> bool:
        raise StoreUnavailable("The database can not be read.")


def _access(people: MemoryPeople, circles: Circles | None = None) -> Access:
    policy = AccessPolicy({"discord": AccessMode.PAIRING}, frozenset({OTHERS}))
    return Access(policy, people, LoopClock(), circles)


async def test_while_the_store_does_not_answer_nothing_is_refused_for_good() -> None:
    access = _access(Broken(Tables()))

    with pytest.raises(StoreUnavailable):
        await access.refusal(SAID, NOON)
    with pytest.raises(StoreUnavailable):
        await access.hears(ADA, CHANNEL)
    with pytest.raises(StoreUnavailable):
        await access.admits(ADA.identity, "discord")


async def test_a_circle_that_only_chooses_agents_lets_nobody_in() -> None:
    async def both(identity: Identity, circles: Sequence[Circle]) -> Collection[str]:
        return {circle.key for circle in circles}

    people = MemoryPeople(Tables())

    assert not await _access(people, Circles({STAFF}, both)).hears(ADA, CHANNEL)
    assert await _access(people, Circles({STAFF, OTHERS}, both)).hears(ADA, CHANNEL)


@pytest.mark.parametrize("kind", list(MessageKind))
async def test_while_a_platform_does_not_tell_only_what_waits_is_answered(
    kind: MessageKind,
) -> None:
    async def nobody(identity: Identity, circles: Sequence[Circle]) -> Collection[str]:
        raise RetryLater("Discord could not be reached.")

    access = _access(MemoryPeople(Tables()), Circles({OTHERS}, nobody))
    refusal = await access.refusal(replace(SAID, kind=kind), NOON)

    assert refusal is not None
    assert refusal.reason == "circles_unknown"
    is_answered = kind in (MessageKind.TEXT, MessageKind.COMMAND)
    assert (refusal.reply is not None) == is_answered


async def test_who_may_not_write_here_is_told_once_in_an_hour_of_the_clock() -> None:
    policy = AccessPolicy({"discord": AccessMode.PAIRING}, pairs_for_channels=False)
    access = Access(policy, MemoryPeople(Tables()), LoopClock())
    told: list[str] = []
    for event, minute in (("e1", 0), ("e2", 59)):
        said = replace(SAID, event_id=event, sent_at=NOON.replace(minute=minute))
        refusal = await access.refusal(said, NOON)
        assert refusal is not None
        assert refusal.reply is not None
        told.append(refusal.reply.id)

    assert told[0] == told[1]
