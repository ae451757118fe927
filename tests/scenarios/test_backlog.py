"""Too much at once: the platform is told to send again later, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from agents.scripted import Say, Wait
from gateway.domain.messages import MessageKind
from gateway.errors import StoreUnavailable
from storage.memory.store import MemoryStore
from tests.fakes.hub import FakeHub, HubOptions


@pytest.fixture
async def hub() -> AsyncGenerator[FakeHub]:
    hub = FakeHub(MemoryStore(), options=HubOptions(max_backlog=3))
    hub.agents.will(Wait(60), Say("Done."))
    async with hub.running():
        yield hub


async def busy(hub: FakeHub) -> None:
    """Have one turn run, and as many messages wait as may."""
    ada = hub.person("ada")
    await ada.says("first")
    await asyncio.sleep(2)
    for number in range(3):
        await ada.says(f"waiting {number}")


async def test_what_comes_behind_a_full_backlog_is_refused_and_not_stored(hub: FakeHub) -> None:
    await busy(hub)
    late = hub.message(hub.person("bob"), "late")

    with pytest.raises(StoreUnavailable, match="3 messages wait for an answer already") as refused:
        await hub.inbox.receive(late)

    assert refused.value.retry_after_seconds
    assert (await hub.store.history.counts()).messages_waiting == 3


async def test_what_was_refused_is_answered_when_it_is_sent_again(hub: FakeHub) -> None:
    await busy(hub)
    bob = hub.person("bob")
    late = hub.message(bob, "late")
    with pytest.raises(StoreUnavailable):
        await hub.inbox.receive(late)
    hub.agents.will_say("For Ada.")
    hub.agents.will_say("For Bob.")

    await asyncio.sleep(120)
    await hub.inbox.receive(late)
    await bob.reads(1)

    assert bob.sees == ["For Bob."]


async def test_commands_are_heard_behind_a_full_backlog(hub: FakeHub) -> None:
    await busy(hub)
    bob = hub.person("bob")

    await hub.inbox.receive(replace(hub.message(bob, "status"), kind=MessageKind.COMMAND))
    await bob.reads(1)

    assert "running" in bob.sees[0]
