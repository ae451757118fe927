"""More than may be said in a channel in a minute: one polite notice, and then all is well again."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gateway.domain.audit import AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.messages import MessageKind
from storage.memory.store import MemoryStore
from tests.fakes.hub import FakeHub, FakePerson, HubOptions

CHANNEL = Conversation("slack", "T1", "C1")
THREAD = Conversation("slack", "T1", "C1", "171.5")
DIRECT = Conversation("slack", "T1", "D1")
NOTICE = (
    "More than 10 messages were written in this channel in a minute; I did not hear this one. "
    "Please wait a moment and send it again."
)


@pytest.fixture
def hub() -> FakeHub:
    """One with a Slack, where ten messages a minute may be written in each channel."""
    options = HubOptions(doors=("slack",), channel_messages_per_minute=10)
    return FakeHub(MemoryStore(), options=options)


async def floods(person: FakePerson, count: int) -> None:
    for number in range(count):
        await person.says(f"{person.name} {number}")


async def refused(hub: FakeHub) -> list[str]:
    entries = await hub.store.history.audit(0, 10_000)
    return [str(e.data["reason"]) for e in entries if e.kind is AuditKind.MESSAGE_REFUSED]


async def test_all_who_write_in_a_channel_and_its_threads_share_it_and_are_told_once(
    hub: FakeHub,
) -> None:
    async with hub.running():
        ada, bob = hub.on_slack("ada", CHANNEL), hub.on_slack("bob", THREAD)
        await floods(ada, 6)
        await floods(bob, 6)
        await floods(ada, 3)
        await asyncio.sleep(5)

        shown = [*ada.sees, *bob.sees]

    assert shown.count(NOTICE) == 1
    assert await refused(hub) == ["busy_channel"] * 5


async def test_a_minute_later_the_channel_is_heard_again(hub: FakeHub) -> None:
    async with hub.running():
        ada = hub.on_slack("ada", CHANNEL)
        await floods(ada, 11)
        await asyncio.sleep(61)
        await ada.says("again")
        await asyncio.sleep(5)

    assert hub.agents.heard[-1][-1].endswith("again")
    assert await refused(hub) == ["busy_channel"]


async def test_other_channels_direct_messages_and_commands_are_not_held_up(hub: FakeHub) -> None:
    async with hub.running():
        ada = hub.on_slack("ada", CHANNEL)
        await floods(ada, 10)
        await floods(hub.on_slack("ada", DIRECT), 12)
        await hub.on_slack("bob", Conversation("slack", "T1", "C2")).says("hello")
        await ada.says("/whoami")

    assert await refused(hub) == []


async def test_the_same_event_again_is_no_other_one(hub: FakeHub) -> None:
    async with hub.running():
        ada = hub.on_slack("ada", CHANNEL)
        for _ in range(20):
            await ada.says("hello", event_id="e1")

    assert await refused(hub) == []


async def test_after_a_restart_the_store_remembers_what_the_channel_heard(hub: FakeHub) -> None:
    ada = hub.on_slack("ada", CHANNEL)
    async with hub.running():
        await floods(ada, 10)
    async with hub.running():
        await floods(ada, 5)

    assert await refused(hub) == ["busy_channel"] * 3


async def test_whoever_waits_for_an_answer_is_told_for_each(hub: FakeHub) -> None:
    async with hub.running():
        ada = hub.on_slack("ada", CHANNEL)
        await floods(ada, 10)
        for number in range(2):
            asked = hub.message(ada, f"more {number}")
            await hub.inbox.receive(replace(asked, handle=f"h{number}", is_private=True))
        reaction = replace(hub.message(ada, "+1"), kind=MessageKind.REACTION, target="e1")
        await hub.inbox.receive(reaction)
        await asyncio.sleep(5)

        assert ada.sees.count(NOTICE) == 2
