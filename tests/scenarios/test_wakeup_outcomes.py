"""When wakeups are passed over, and what follows when they fail."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from agents.scripted import Ask, Fail
from gateway.domain.audit import AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.ids import AgentId, SessionId
from gateway.domain.people import Sender
from gateway.domain.schedules import Rules, Schedule, Wakeup
from gateway.domain.tools import ToolCall
from gateway.pauses import Pauses
from gateway.rights.policy import AccessMode, AccessPolicy
from gateway.turn_runner import TurnOptions
from scheduler.limits import WakeupLimits
from scheduler.misfires import first_fire
from scheduler.sources import GuardedFetch, SourceBriefing
from storage.artifacts.memory import MemoryArtifacts
from storage.memory.store import MemoryStore
from tests.fakes.hub import FakeHub, HubOptions
from tests.fakes.virtual_time import EPOCH, LoopClock
from toolbox.builtin import builtin_tools
from toolbox.executor import Executor
from toolbox.registry import Registry

HOUR = 3600.0
PAIRED_ONLY = AccessPolicy(modes={"fake": AccessMode.PAIRING})


def new_hub(access: AccessPolicy | None = None) -> FakeHub:
    return FakeHub(MemoryStore(), options=HubOptions(tickers=1, is_judging=True, access=access))


async def schedule(
    hub: FakeHub, *, rules: Rules | None = None, place: Conversation | None = None
) -> None:
    ada = hub.person("ada")
    wakeup = Wakeup(place or ada.conversation, Sender(ada.identity, "ada"), "Look around.")
    hourly = Schedule("hourly", "every:3600", "UTC", None, wakeup=wakeup, rules=rules or Rules())
    await hub.store.schedules.put(first_fire(hourly, hub.clock.now()))


async def outcomes(hub: FakeHub) -> list[str]:
    """Return what the slots came to, oldest first."""
    slots = await hub.store.schedules.past_slots("hourly", 1000)
    return [slot.why if slot.was_missed else slot.result or "open" for slot in reversed(slots)]


async def now_failing(hub: FakeHub, times: int) -> None:
    for _ in range(times):
        hub.agents.will(Fail("credit", "no credit left."))


async def test_a_slot_counts_as_posted_with_a_receipt_only() -> None:
    hub = new_hub()
    hub.agents.will_say("News.")
    hub.agents.will_say("<silent/>")
    await schedule(hub)

    async with hub.running():
        await asyncio.sleep(2.5 * HOUR)

    assert await outcomes(hub) == ["posted", "silent"]


async def test_a_silent_schedule_posts_nothing_whatever_its_agent_says() -> None:
    hub = new_hub()
    hub.agents.will_say("I have looked around.")
    hub.agents.will_say("Hello, Ada.")
    await schedule(hub, rules=Rules(silent=True))

    async with hub.running():
        await asyncio.sleep(1.5 * HOUR)
        ada = hub.person("ada")
        assert ada.sees == []
        await ada.says("hello")
        seen = await ada.reads()

    assert seen == ["Hello, Ada."]
    assert (await outcomes(hub))[0] == "silent"
    assert "Nobody reads" in hub.agents.heard[0][0]


async def test_a_silent_wakeup_shares_no_turn_with_one_that_may_speak() -> None:
    hub = new_hub()
    hub.agents.will_say("quiet work")
    hub.agents.will_say("News.")
    await schedule(hub, rules=Rules(silent=True))
    ada = hub.person("ada")
    wakeup = Wakeup(ada.conversation, Sender(ada.identity, "ada"), "Tell me.")
    loud = Schedule("loud", "every:3600", "UTC", None, wakeup=wakeup)
    await hub.store.schedules.put(first_fire(loud, hub.clock.now()))

    async with hub.running():
        await asyncio.sleep(1.5 * HOUR)
        seen = ada.sees

    assert len(seen) == 1
    assert hub.agents.runs_started == 2


async def test_a_wakeup_is_passed_over_while_its_agent_is_at_work() -> None:
    patient = TurnOptions(deadline_seconds=5 * HOUR)
    hub = FakeHub(MemoryStore(), options=HubOptions(tickers=1, is_judging=True, turns=patient))
    hub.agents.will_say("done", after=1.5 * HOUR)
    await schedule(hub, rules=Rules(skip_busy=True))

    async with hub.running():
        await hub.person("ada").says("work")
        await asyncio.sleep(2.5 * HOUR)

    assert await outcomes(hub) == ["busy", "posted"]


async def test_a_wakeup_is_passed_over_when_somebody_was_there_just_now() -> None:
    hub = new_hub()
    await schedule(hub, rules=Rules(skip_recent_seconds=1800))

    async with hub.running():
        await asyncio.sleep(0.75 * HOUR)
        await hub.person("ada").says("hello")
        await asyncio.sleep(2 * HOUR)
        runs = hub.agents.runs_started

    assert (await outcomes(hub))[0] == "recently_active"
    assert (await outcomes(hub))[1] != "recently_active"
    assert runs == 2


async def test_a_wakeup_is_passed_over_where_the_conversation_is_paused() -> None:
    hub = new_hub()
    place = hub.person("ada").conversation
    await schedule(hub)

    async with hub.running():
        pauses = Pauses(hub.store.notes)
        await pauses.pause(place, "ada", hub.clock.now())
        await asyncio.sleep(1.5 * HOUR)
        await pauses.resume(place)
        await asyncio.sleep(HOUR)

    assert await outcomes(hub) == ["conversation_paused", "posted"]
    assert hub.agents.runs_started == 1


async def test_a_wakeup_to_a_platform_that_is_off_holds_nobody_up() -> None:
    both = AccessPolicy(modes={"fake": AccessMode.OPEN, "slack": AccessMode.OPEN})
    hub = new_hub(both)
    await schedule(hub, place=Conversation("slack", "T1", "C2"))
    hub.agents.will_say("Here I am.")

    async with hub.running():
        await asyncio.sleep(1.01 * HOUR)
        await hub.person("ada").says("Are you there?")
        await asyncio.sleep(60)

    assert hub.person("ada").sees == ["Here I am."]
    assert await outcomes(hub) == ["failed"]


async def test_a_person_who_may_not_talk_any_more_is_not_woken() -> None:
    hub = new_hub(PAIRED_ONLY)
    await schedule(hub)

    async with hub.running():
        await asyncio.sleep(1.5 * HOUR)

    assert await outcomes(hub) == ["no_access"]
    assert hub.agents.runs_started == 0


async def test_the_owner_hears_of_an_outage_once() -> None:
    hub = new_hub()
    await now_failing(hub, 3)
    await schedule(hub)

    async with hub.running():
        await asyncio.sleep(3.5 * HOUR)
        seen = hub.person("ada").sees

    assert await outcomes(hub) == ["failed", "failed", "failed"]
    assert len(seen) == 1
    assert "no credit left" in seen[0]


async def test_after_it_worked_again_the_next_outage_is_told_too() -> None:
    hub = new_hub()
    await now_failing(hub, 1)
    hub.agents.will_say("News.")
    await now_failing(hub, 2)
    await schedule(hub)

    async with hub.running():
        await asyncio.sleep(4.5 * HOUR)
        seen = hub.person("ada").sees

    assert await outcomes(hub) == ["failed", "posted", "failed", "failed"]
    assert ["failed" in text for text in seen] == [True, False, True]


async def test_what_fails_again_and_again_is_tried_less_often() -> None:
    hub = new_hub()
    await now_failing(hub, 100)
    await schedule(hub)
    minutely = await hub.store.schedules.get("hourly")
    assert minutely is not None
    often = replace(minutely, trigger="every:60")
    await hub.store.schedules.put(first_fire(often, hub.clock.now()))

    async with hub.running():
        await asyncio.sleep(2 * HOUR)

    found = await outcomes(hub)
    assert found.count("failed") <= 8
    assert found.count("resting") > 100


async def test_a_place_that_is_gone_pauses_the_schedule_and_is_told_once_elsewhere() -> None:
    hub = new_hub()
    hub.agents.will_say("News.")
    await schedule(hub, place=Conversation("fake", "w1", "channel"))
    hub.platform.gone.add("fake:w1:channel")

    async with hub.running():
        await asyncio.sleep(3.5 * HOUR)

    stored = await hub.store.schedules.get("hourly")
    assert stored is not None
    assert stored.is_paused
    assert await outcomes(hub) == ["undelivered"]
    assert hub.platform.messages == []


async def test_the_owner_is_told_where_they_are_alone_with_the_agent() -> None:
    store = MemoryStore()
    hub = FakeHub(store, options=HubOptions(tickers=1, is_judging=True, doors=("discord", "fake")))
    home = Conversation("discord", "dm", "7")
    gone = Conversation("discord", "g1", "c1")
    ada = hub.person("ada")
    async with hub.running():
        await ada.says("hello")
        await ada.reads()
    person = await store.people.find_person(ada.identity)
    assert person is not None
    agent = AgentId("agent-of-ada")
    await store.people.intend_agent(person.id, "postern", EPOCH)
    binding = await store.people.bind_agent(person.id, "postern", agent)
    assert binding.agent_id is not None
    await store.people.bind_session(binding.agent_id, home.id, SessionId("thread-1"))
    hub.agents.will_say("News.")
    hub.platform.gone.add(gone.id)
    await schedule(hub, place=gone)

    async with hub.running():
        await asyncio.sleep(timedelta(hours=1.5).total_seconds())

    (told,) = hub.platform.visible(home.id)
    assert gone.id in told
    assert "paused" in told


async def test_the_owner_is_told_where_they_wrote_alone_when_the_agent_has_no_such_place() -> None:
    hub = FakeHub(
        MemoryStore(), options=HubOptions(tickers=1, is_judging=True, doors=("discord", "fake"))
    )
    ada, home = hub.person("ada"), Conversation("discord", "dm", "7")
    gone = Conversation("discord", "g1", "c1")
    async with hub.running():
        await hub.account(ada.identity, home).says("hello")
        await hub.platform.until_visible(home.id, 1)
    hub.agents.will_say("News.")
    hub.platform.gone.add(gone.id)
    await schedule(hub, place=gone)

    async with hub.running():
        await asyncio.sleep(1.5 * HOUR)

    _, told = hub.platform.visible(home.id)
    assert gone.id in told


async def test_that_nobody_could_be_told_is_in_the_audit_log() -> None:
    hub = new_hub()
    hub.agents.will_say("News.")
    await schedule(hub, place=Conversation("fake", "w1", "channel"))
    hub.platform.gone.add("fake:w1:channel")

    async with hub.running():
        await asyncio.sleep(1.5 * HOUR)

    entries = await hub.store.history.audit(0, 1000)
    (ended,) = [entry for entry in entries if entry.kind is AuditKind.SCHEDULE_ENDED]
    assert dict(ended.data) == {
        "result": "undelivered",
        "failures": 1,
        "paused": True,
        "alert": None,
    }


async def test_an_empty_heartbeat_makes_no_model_call() -> None:
    store = MemoryStore()
    briefing = SourceBriefing(store, MemoryArtifacts(LoopClock()), GuardedFetch(), "postern")
    options = HubOptions(tickers=1, is_judging=True, briefing=briefing)
    hub = FakeHub(store, options=options)
    await schedule(hub, rules=Rules(heartbeat=True))

    async with hub.running():
        await asyncio.sleep(2.5 * HOUR)
        assert hub.agents.runs_started == 0
        await hub.person("ada").says("Did you see this?")
        await asyncio.sleep(HOUR)

    assert await outcomes(hub) == ["nothing_new", "nothing_new", "posted"]
    assert hub.agents.runs_started == 2


async def test_a_wakeup_makes_no_more_tool_calls_than_its_schedule_allows() -> None:
    store = MemoryStore()
    toolbox = WakeupLimits(Executor(Registry(builtin_tools(LoopClock()))), store.schedules)
    hub = FakeHub(store, options=HubOptions(tickers=1, is_judging=True), toolbox=toolbox)
    for round_number in range(3):
        calls = [ToolCall(f"c{round_number}{n}", "current_time", "{}") for n in range(2)]
        hub.agents.will(Ask(tuple(calls)))
    hub.agents.will_say("News.")
    await schedule(hub)
    known = await store.schedules.get("hourly")
    assert known is not None
    assert known.wakeup is not None
    await store.schedules.put(replace(known, wakeup=replace(known.wakeup, max_actions=3)))

    async with hub.running():
        await asyncio.sleep(1.5 * HOUR)

    refused = [result.is_error for results in hub.agents.returned for result in results]
    assert refused == [False, False, False, True, True, True]
    assert await outcomes(hub) == ["posted"]
