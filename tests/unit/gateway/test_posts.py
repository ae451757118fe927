"""Broadcasts reach everybody once who wants them."""

from __future__ import annotations

import asyncio

import pytest

from gateway.commands import scheduling
from gateway.domain.conversations import OPTED_OUT, Conversation
from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import DeliveryId
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Identity, Route, Sender
from gateway.errors import BadInput
from gateway.posts import Broadcasts
from storage.memory.store import MemoryStore
from tests.fakes.crashing import CrashPoints, around
from tests.fakes.virtual_time import EPOCH, LoopClock

PLATFORMS = ("discord", "slack")
HOMES = ("discord:dm:1", "discord:dm:2", "slack:T1:D3")
OTHERS = ("slack:T1:C9", "slack:T1:D3:171.5", "console:local:c")


async def with_people() -> MemoryStore:
    """Return a store in which somebody was heard and answered in every place."""
    store = MemoryStore()
    for number, readable in enumerate((*HOMES, *OTHERS)):
        place = Conversation.parse(readable)
        who = Sender(Identity(place.platform, "w", str(number)), "x")
        await store.turns.accept(
            InboundMessage(f"e{number}", place, who, "hello", EPOCH), Route("postern"), EPOCH
        )
        await store.deliveries.enqueue([NewDelivery(DeliveryId(f"d{number}"), place, "hi")], EPOCH)
    return store


async def test_a_broadcast_goes_once_to_each_direct_conversation() -> None:
    store = await with_people()
    broadcasts = Broadcasts(store, PLATFORMS, LoopClock())

    assert await broadcasts.post("News.", "k1") == 3
    assert await broadcasts.post("News.", "k1") == 0
    assert await broadcasts.post("More.", "k2", "slack") == 1

    assert await store.deliveries.get(f"broadcast:k1:{HOMES[2]}.0") is not None


async def test_who_opted_out_gets_none_and_a_broken_one_goes_on() -> None:
    store = await with_people()
    await store.notes.put(HOMES[0], OPTED_OUT, "off")
    broadcasts = Broadcasts(store, PLATFORMS, LoopClock())

    assert await broadcasts.post("News.", "k1") == 2
    await store.notes.drop(HOMES[0], OPTED_OUT)
    assert await broadcasts.post("News.", "k1") == 1


async def test_a_key_stands_for_one_text() -> None:
    store = await with_people()
    broadcasts = Broadcasts(store, PLATFORMS, LoopClock())
    await broadcasts.post("News.", "k1")

    with pytest.raises(BadInput, match="was used for another text"):
        await broadcasts.post("Other news.", "k1")


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_broadcast_goes_on_where_its_process_died(moment: str) -> None:
    store = await with_people()
    points = CrashPoints(at_name=f"{moment} store.deliveries.enqueue")
    dying = Broadcasts(around(store, "store", points), PLATFORMS, LoopClock())
    async with asyncio.TaskGroup() as group:
        posting = group.create_task(dying.post("News.", "k1"))
        await points.crashed.wait()
        posting.cancel()

    again = await Broadcasts(store, PLATFORMS, LoopClock()).post("News.", "k1")

    assert again == (3 if moment == "before" else 2)
    found = [await store.deliveries.get(f"broadcast:k1:{home}.0") for home in HOMES]
    assert [each.text for each in found if each] == ["News."] * 3


@pytest.mark.parametrize(
    ("text", "key", "platform"), [(" ", "k", None), ("x", "", None), ("x", "k", "irc")]
)
async def test_what_is_no_broadcast_is_refused(text: str, key: str, platform: str | None) -> None:
    with pytest.raises(BadInput):
        await Broadcasts(MemoryStore(), PLATFORMS, LoopClock()).post(text, key, platform)


def test_the_way_out_is_a_command() -> None:
    assert "broadcasts" in [command.spec.name for command in scheduling.FAMILY]
