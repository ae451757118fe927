"""`/pause`: no agent answers or wakes in a conversation until `/resume`, and it says so."""

from __future__ import annotations

import asyncio

import pytest

from gateway.domain.audit import AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.people import Identity
from gateway.errors import BadInput
from gateway.turn_runner import TurnOptions
from storage.memory.store import MemoryStore
from tests.fakes.hub import FakeHub, HubOptions

CHANNEL = Conversation("slack", "T1", "C1")
THREAD = Conversation("slack", "T1", "C1", "171.5")
DIRECT = Conversation("slack", "T1", "D1")
ADMIN = Identity("slack", "T1", "boss")
OPTIONS = HubOptions(doors=("slack",), turns=TurnOptions(admins=frozenset({ADMIN.key})))


@pytest.fixture
def hub() -> FakeHub:
    """One with a Slack that does not run yet."""
    return FakeHub(MemoryStore(), options=OPTIONS)


async def test_a_paused_conversation_says_so_and_hears_nothing(hub: FakeHub) -> None:
    async with hub.running():
        ada = hub.on_slack("ada", DIRECT)
        await ada.says("/pause")
        await ada.reads()
        await ada.says("are you there?")
        seen = await ada.reads(2)
        await asyncio.sleep(30)

    assert seen[0].startswith("Paused. Until `/resume`")
    assert seen[1].startswith("Paused on ")
    assert "`/resume`" in seen[1]
    assert hub.agents.heard == []
    refused = [e for e in await hub.store.history.audit(0, 100) if "refused" in e.kind]
    assert [(e.kind, e.data["reason"]) for e in refused] == [
        (AuditKind.MESSAGE_REFUSED, "paused"),
    ]


async def test_after_resume_the_agent_answers_again(hub: FakeHub) -> None:
    async with hub.running():
        ada = hub.on_slack("ada", DIRECT)
        await ada.says("/pause")
        await ada.reads()
        await ada.says("/resume")
        await ada.reads(2)
        await asyncio.sleep(2)
        hub.agents.will_say("Here I am.")
        await ada.says("are you there?")
        seen = await ada.reads(3)

    assert seen[1:] == ["I answer here again.", "Here I am."]


async def test_in_a_channel_admins_alone_decide_and_its_threads_follow(hub: FakeHub) -> None:
    async with hub.running():
        ada, boss = hub.on_slack("ada", CHANNEL), hub.on_slack("boss", CHANNEL)
        await ada.says("/pause")
        refusal = (await ada.reads())[-1]
        await boss.says("/pause")
        await boss.reads(2)
        await asyncio.sleep(2)
        reader = hub.on_slack("ada", THREAD)
        await reader.says("and here?")
        told = await reader.reads()

    assert "access.admins" in refusal
    assert told[0].startswith("Paused by boss on ")
    assert hub.agents.heard == []


async def test_other_conversations_go_on(hub: FakeHub) -> None:
    async with hub.running():
        boss = hub.on_slack("boss", CHANNEL)
        await boss.says("/pause")
        await boss.reads()
        await asyncio.sleep(2)
        hub.agents.will_say("Yes.")
        ada = hub.on_slack("ada", DIRECT)
        await ada.says("still there?")

        assert await ada.reads() == ["Yes."]


async def test_nothing_wakes_an_agent_where_it_is_paused(hub: FakeHub) -> None:
    async with hub.running():
        boss = hub.on_slack("boss", CHANNEL)
        await boss.says("/pause")
        await boss.reads()
        await asyncio.sleep(2)

        with pytest.raises(BadInput, match="Paused by boss"):
            await hub.inbox.wake(hub.message(boss, "a build ended"))


async def test_a_pause_outlives_a_restart(hub: FakeHub) -> None:
    async with hub.running():
        ada = hub.on_slack("ada", DIRECT)
        await ada.says("/pause")
        await ada.reads()
    async with hub.running():
        await ada.says("hello?")
        seen = await ada.reads(2)

    assert seen[1].startswith("Paused on ")
    assert hub.agents.heard == []
