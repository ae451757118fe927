"""`/heartbeat`: people wake their agent now, whatever its schedules would say."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from agents.scripted import Fail
from gateway.budgets import BudgetPolicy, Limits
from gateway.commands.waking import AWAKE
from gateway.domain.conversations import Conversation
from gateway.domain.people import Identity, Mode, Route
from gateway.text.silence import SILENCE_NOTE, SILENT
from gateway.turn_runner import TurnOptions
from storage.memory.store import MemoryStore
from tests.fakes.crashing import CrashPoints
from tests.fakes.hub import FakeHub, HubOptions

CHANNEL = Conversation("slack", "T1", "C1")
DIRECT = Conversation("slack", "T1", "D1")
ADMIN = Identity("slack", "T1", "boss")
OPTIONS = HubOptions(doors=("slack",), turns=TurnOptions(admins=frozenset({ADMIN.key})))
TOLD = AWAKE.format(role="postern")


@pytest.fixture
def hub() -> FakeHub:
    """One with a Slack that does not run yet."""
    return FakeHub(MemoryStore(), options=OPTIONS)


async def test_the_agent_wakes_at_once_and_hears_what_to_look_at(hub: FakeHub) -> None:
    hub.agents.will_say("Ada called.")
    async with hub.running():
        ada = hub.on_slack("ada", DIRECT)
        await ada.says("/heartbeat the phone")

        assert sorted(await ada.reads(2)) == sorted([TOLD, "Ada called."])

    ((heard,),) = hub.agents.heard
    assert heard.startswith("[ada on slack, 2026-01-05 ")
    assert "; woken by hand]" in heard
    assert "the phone" in heard
    assert heard.endswith(SILENCE_NOTE)


async def test_who_has_nothing_to_say_says_nothing(hub: FakeHub) -> None:
    hub.agents.will_say(SILENT)
    async with hub.running():
        ada = hub.on_slack("ada", DIRECT)
        await ada.says("/heartbeat")
        await asyncio.sleep(60)

    assert ada.sees == [TOLD]
    assert len(hub.agents.heard) == 1


async def test_a_budget_that_is_used_up_is_told_and_no_model_asked() -> None:
    budgets = BudgetPolicy(person=Limits(turns=1))
    hub = FakeHub(MemoryStore(), options=replace(OPTIONS, budgets=budgets))
    async with hub.running():
        ada = hub.on_slack("ada", DIRECT)
        await ada.says("hello")
        await asyncio.sleep(5)
        await ada.says("/heartbeat")
        await asyncio.sleep(30)

    assert len(hub.agents.heard) == 1
    assert TOLD in ada.sees
    assert any("budget" in said for said in ada.sees[1:])


async def test_a_failure_is_told(hub: FakeHub) -> None:
    hub.agents.will(Fail("llm_error", "the model is not there."))
    async with hub.running():
        ada = hub.on_slack("ada", DIRECT)
        await ada.says("/heartbeat")

        assert "A wakeup failed: the model is not there." in await ada.reads(2)


async def test_where_agents_are_paused_none_wakes(hub: FakeHub) -> None:
    async with hub.running():
        ada = hub.on_slack("ada", DIRECT)
        await ada.says("/pause")
        await ada.reads()
        await ada.says("/heartbeat")
        read = await ada.reads(2)
        await asyncio.sleep(30)

    assert read[1].startswith("Paused on ")
    assert hub.agents.heard == []


async def test_where_others_read_ones_own_agent_is_not_woken(hub: FakeHub) -> None:
    async with hub.running():
        ada = hub.on_slack("ada", CHANNEL)
        await ada.says("/heartbeat")

        assert await ada.reads() == ["This is between you and me: ask me in a direct message."]


async def test_an_agent_that_a_channel_shares_is_woken_by_admins() -> None:
    hub = FakeHub(MemoryStore(), options=replace(OPTIONS, route=Route("postern", Mode.SHARED)))
    hub.agents.will_say("All is well.")
    async with hub.running():
        ada, boss = hub.on_slack("ada", CHANNEL), hub.account(ADMIN, CHANNEL)
        await ada.says("/heartbeat")
        (refused,) = await ada.reads()
        await boss.says("/heartbeat")
        read = await boss.reads(3)

    assert refused.startswith("Only an admin can do that")
    assert sorted(read[1:]) == sorted([TOLD, "All is well."])


async def test_a_crash_at_any_moment_wakes_once() -> None:
    moments = await _woken(None)

    for at in range(1, moments + 1):
        await _woken(at)

    assert moments > 10


async def _woken(at: int | None) -> int:
    hub = FakeHub(MemoryStore(), options=OPTIONS)
    hub.agents.will_say("All is well.")
    ada, points = hub.on_slack("ada", DIRECT), CrashPoints(at)

    async def story() -> None:
        while True:
            try:
                async with asyncio.timeout(3):
                    await ada.says("/heartbeat", event_id="e1")
            except TimeoutError:
                continue
            return

    async with asyncio.TaskGroup() as group:
        telling = group.create_task(story())
        if at is None:
            hub.record(points)
        else:
            async with asyncio.timeout(60):
                await hub.until_crash(points)
        async with hub.running():
            await telling
            await ada.reads(2)
            passed = len(points.passed)
            await asyncio.sleep(10)
    assert sorted(ada.sees) == sorted([TOLD, "All is well."]), at
    assert len(hub.agents.heard) == 1, at
    return passed
