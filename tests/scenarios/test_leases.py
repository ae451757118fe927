"""A process that stood still finds out by itself that its lease is over."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Delivery, DeliveryState
from gateway.domain.ids import DeliveryId, PlatformMessageId, TurnId
from gateway.drafts import Drafts
from gateway.leases import Lease, loop_time
from gateway.ports import Streaming
from tests.fakes.platform import FakeAdapter, FakePlatform

LENGTH = timedelta(seconds=10)
TURN = TurnId("turn-1")


async def test_a_lease_is_over_when_nobody_prolonged_it() -> None:
    lease = Lease(LENGTH, loop_time())

    await asyncio.sleep(9)
    assert not lease.is_over

    await asyncio.sleep(1)
    assert lease.is_over


async def test_a_lease_counts_from_before_the_store_was_asked() -> None:
    lease = Lease(LENGTH, loop_time())
    asked_at = loop_time()

    await asyncio.sleep(9)
    lease.prolong(asked_at)
    await asyncio.sleep(1)

    assert lease.is_over


async def test_a_draft_does_not_grow_once_the_lease_of_its_turn_is_over() -> None:
    platform, drafts = FakePlatform(), Drafts()
    adapter = FakeAdapter(platform)
    sent = _draft("I", receipt=platform.carry_out(_draft("I")))
    drafts.open(sent.id)

    with drafts.held(TURN, Lease(LENGTH, loop_time())):
        async with asyncio.TaskGroup() as group:
            group.create_task(drafts.show(sent, adapter, Streaming(1.0)))
            drafts.grow(sent.id, "I hear")
            await asyncio.sleep(11)
            drafts.grow(sent.id, "I hear you")
            await asyncio.sleep(5)
            await drafts.close(sent.id)

    assert platform.visible("fake:w1:dm-ada") == ["I hear"]


def _draft(text: str, receipt: PlatformMessageId | None = None) -> Delivery:
    return Delivery(
        id=DeliveryId("turn-1.0"),
        conversation=Conversation("fake", "w1", "dm-ada"),
        text=text,
        revision=1,
        state=DeliveryState.SENDING,
        attempts=1,
        fence=1,
        created_at=datetime(2026, 1, 5, tzinfo=UTC),
        receipt=receipt,
        turn=TURN,
        is_draft=True,
    )
