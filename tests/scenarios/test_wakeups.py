"""What people can count on when their agents come back by themselves."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from agents.scripted import Ask, Say
from gateway.domain.people import Identity, Sender
from gateway.domain.schedules import Misfire, Rules, Schedule, Wakeup
from gateway.domain.tools import ToolCall
from gateway.ports import Streaming
from scheduler.misfires import first_fire
from storage.memory.store import MemoryStore
from tests.fakes.crashing import CrashPoints
from tests.fakes.hub import FakeHub, HubOptions
from tests.fakes.virtual_time import EPOCH, LoopClock

HOUR = 3600.0


def new_hub(*, tickers: int = 1, streaming: Streaming | None = None) -> FakeHub:
    return FakeHub(MemoryStore(), options=HubOptions(streaming=streaming, tickers=tickers))


def a_schedule(
    hub: FakeHub, trigger: str = "cron:0 * * * *", rules: Rules | None = None
) -> Schedule:
    ada = hub.person("ada")
    sender = Sender(Identity("fake", "w1", ada.name), ada.name)
    wakeup = Wakeup(ada.conversation, sender, "Look around.")
    schedule = Schedule("hourly", trigger, "UTC", None, wakeup=wakeup, rules=rules or Rules())
    return first_fire(schedule, hub.clock.now())


def in_five_minutes(hub: FakeHub) -> str:
    return f"at:{(hub.clock.now() + timedelta(minutes=5)).isoformat()}"


def heard(hub: FakeHub) -> list[str]:
    return [text for turn in hub.agents.heard for text in turn]


async def test_a_wakeup_posts_once_and_in_time() -> None:
    hub = new_hub()
    hub.agents.will_say("Good morning.")
    await hub.store.schedules.put(a_schedule(hub))

    async with hub.running():
        seen = await hub.person("ada").reads()

        assert seen == ["Good morning."]
        assert hub.clock.now() - EPOCH < timedelta(hours=1, seconds=1)
    assert "[ada on fake, 2026-01-05 10:00 UTC; a scheduled wakeup]\nLook around." in heard(hub)[0]


async def test_six_tickers_fire_each_slot_once() -> None:
    hub = new_hub(tickers=6)
    await hub.store.schedules.put(a_schedule(hub, "every:60"))

    async with hub.running():
        await asyncio.sleep(2 * HOUR + 30)

    assert len(heard(hub)) == len(set(heard(hub))) == 120


async def test_a_new_schedule_is_fired_without_waiting_for_the_poll() -> None:
    hub = new_hub()
    async with hub.running():
        await asyncio.sleep(1)
        soon = (hub.clock.now() + timedelta(seconds=3)).isoformat()

        await hub.store.schedules.put(a_schedule(hub, f"at:{soon}"))
        await asyncio.sleep(3.5)

        assert len(heard(hub)) == 1


async def test_a_paused_schedule_wakes_nobody() -> None:
    hub = new_hub()
    await hub.store.schedules.put(replace(a_schedule(hub), is_paused=True))

    async with hub.running():
        await asyncio.sleep(2.5 * HOUR)

    assert heard(hub) == []


@pytest.mark.parametrize(
    ("rules", "hours"),
    [
        (Rules(Misfire.SKIP), [14]),
        (Rules(Misfire.ONE), [13, 14]),
        (Rules(Misfire.ALL, max_catch_up=2), [12, 13, 14]),
        (Rules(Misfire.ALL, max_catch_up=9), [10, 11, 12, 13, 14]),
    ],
)
async def test_slots_that_nobody_was_awake_for_follow_the_policy(
    rules: Rules, hours: list[int]
) -> None:
    hub = new_hub()
    await hub.store.schedules.put(a_schedule(hub, rules=rules))
    await asyncio.sleep(4.5 * HOUR)

    async with hub.running():
        await asyncio.sleep(HOUR)

    slots = [f"[ada on fake, 2026-01-05 {hour}:00" for hour in hours]
    assert [text.partition(" UTC")[0] for text in heard(hub)] == slots


async def test_one_wakeup_says_for_how_many_it_stands() -> None:
    hub = new_hub()
    await hub.store.schedules.put(a_schedule(hub))
    await asyncio.sleep(4.5 * HOUR)

    async with hub.running():
        await asyncio.sleep(60)

    assert "This stands for 3 earlier wakeups too" in heard(hub)[0]


@pytest.mark.parametrize("step", [timedelta(hours=2), timedelta(hours=-2)])
async def test_a_clock_that_is_set_repeats_no_slot(step: timedelta) -> None:
    clock = LoopClock()
    hub = FakeHub(MemoryStore(), options=HubOptions(tickers=2), clock=clock)
    await hub.store.schedules.put(a_schedule(hub))

    async with hub.running():
        await asyncio.sleep(2.5 * HOUR)
        clock.step(step)
        await asyncio.sleep(0.5 * HOUR)
        clock.step(-step)
        await asyncio.sleep(2.2 * HOUR)

    moments = [text.partition("]")[0] for text in heard(hub)]
    assert len(moments) == len(set(moments))
    assert moments == sorted(moments)
    assert "2026-01-05 14:00" in moments[-1]


BACK, FORWARD = timedelta(hours=-2), timedelta(hours=2)


@pytest.mark.parametrize(
    ("rules", "step", "hours"),
    [
        (Rules(Misfire.SKIP), FORWARD, [10, 11, 14]),
        (Rules(Misfire.ONE), FORWARD, [10, 11, 13, 14]),
        (Rules(Misfire.ALL, max_catch_up=1), FORWARD, [10, 11, 13, 14]),
        (Rules(Misfire.ALL, max_catch_up=9), FORWARD, [10, 11, 12, 13, 14]),
        *((Rules(policy), BACK, [10, 11, 12, 13, 14]) for policy in Misfire),
    ],
)
async def test_a_clock_that_is_set_for_a_while_follows_the_policy(
    rules: Rules, step: timedelta, hours: list[int]
) -> None:
    """Forward, slots are missed at once; back, those that fired do not fire again."""
    clock = LoopClock()
    hub = FakeHub(MemoryStore(), options=HubOptions(tickers=2), clock=clock)
    await hub.store.schedules.put(a_schedule(hub, rules=rules))

    async with hub.running():
        await asyncio.sleep(2.5 * HOUR)
        clock.step(step)
        await asyncio.sleep(0.4 * HOUR)
        clock.step(-step)
        await asyncio.sleep(2.3 * HOUR)

    slots = [f"[ada on fake, 2026-01-05 {hour}:00" for hour in hours]
    assert [text.partition(" UTC")[0] for text in heard(hub)] == slots


@pytest.mark.parametrize(
    ("rules", "hours"),
    [
        (Rules(Misfire.SKIP), [13, 14]),
        (Rules(Misfire.ONE), [12, 13, 14]),
        (Rules(Misfire.ALL, max_catch_up=2), [11, 12, 13, 14]),
        (Rules(Misfire.ALL, max_catch_up=9), [10, 11, 12, 13, 14]),
    ],
)
async def test_a_machine_that_slept_over_three_slots_follows_the_policy(
    rules: Rules, hours: list[int]
) -> None:
    """And a clock that is set back by two hours afterwards repeats none of them."""
    clock = LoopClock()
    hub = FakeHub(MemoryStore(), options=HubOptions(tickers=2), clock=clock)
    await hub.store.schedules.put(a_schedule(hub, rules=rules))

    async with hub.running():
        await asyncio.sleep(0.5 * HOUR)
        clock.step(timedelta(hours=3))
        await asyncio.sleep(0.6 * HOUR)
        clock.step(timedelta(hours=-2))
        await asyncio.sleep(3 * HOUR)

    slots = [f"[ada on fake, 2026-01-05 {hour}:00" for hour in hours]
    assert [text.partition(" UTC")[0] for text in heard(hub)] == slots


async def test_after_a_step_forward_the_next_slot_comes_within_a_poll() -> None:
    clock = LoopClock()
    hub = FakeHub(MemoryStore(), options=HubOptions(tickers=1), clock=clock)
    await hub.store.schedules.put(a_schedule(hub))

    async with hub.running():
        await asyncio.sleep(60)
        clock.step(timedelta(hours=1))
        await asyncio.sleep(21)

        assert len(heard(hub)) == 1


async def test_what_a_person_says_goes_before_a_wakeup_that_waits() -> None:
    hub = new_hub()
    ada = hub.person("ada")
    hub.agents.will_say("busy", after=600)
    await hub.store.schedules.put(a_schedule(hub, in_five_minutes(hub)))

    async with hub.running():
        await ada.says("one")
        await asyncio.sleep(400)
        await ada.says("two")
        await ada.reads(3)

    assert [text.partition("\n")[2].partition("\n")[0] for text in heard(hub)] == [
        "one",
        "two",
        "Look around.",
    ]


async def test_a_wakeup_comes_to_an_agent_that_is_never_idle() -> None:
    hub = new_hub()
    ada = hub.person("ada")
    for _turn in range(30):
        hub.agents.will_say("busy", after=90)
    await hub.store.schedules.put(a_schedule(hub, in_five_minutes(hub)))

    async with hub.running():
        for number in range(30):
            await ada.says(f"message {number}")
            await asyncio.sleep(60)
        await ada.reads(20)

    turns = ["Look around." in turn[0] for turn in hub.agents.heard]
    a_quarter_later = (5 + 15) * 60 // 90
    assert turns.count(True) == 1
    assert a_quarter_later <= turns.index(True) <= a_quarter_later + 2


@pytest.mark.parametrize("streaming", [None, Streaming(interval_seconds=0.1)])
async def test_a_wakeup_with_nothing_to_say_posts_nothing(streaming: Streaming | None) -> None:
    hub = new_hub(streaming=streaming)
    for pause in (0.0, 0.5):
        hub.agents.will_say("\n<silent/>\n", pause=pause)
    await hub.store.schedules.put(a_schedule(hub))

    async with hub.running():
        await asyncio.sleep(2.5 * HOUR)

    assert len(heard(hub)) == 2
    assert hub.platform.messages == []


async def test_the_marker_never_flashes_in_a_stream() -> None:
    hub = new_hub(streaming=Streaming(interval_seconds=0.1))
    hub.agents.will(
        *(Say(piece, pause_seconds=0.4, message="m1") for piece in ("<sil", "ent", "/>")),
        Ask((ToolCall("c1", "current_time", "{}"),)),
    )
    hub.agents.will_say("There is news after all.", pause=0.4)
    await hub.store.schedules.put(a_schedule(hub))

    async with hub.running():
        await hub.platform.until(lambda: hub.person("ada").sees == ["There is news after all."])

    assert not any("<" in text for shown in hub.platform.messages for text in shown.texts)


async def test_words_beside_the_marker_are_posted() -> None:
    hub = new_hub()
    hub.agents.will_say("Nothing new: <silent/>")
    await hub.store.schedules.put(a_schedule(hub))

    async with hub.running():
        assert await hub.person("ada").reads() == ["Nothing new: <silent/>"]


async def test_a_person_is_never_answered_with_silence() -> None:
    hub = new_hub(streaming=Streaming(interval_seconds=0.1))
    hub.agents.will_say("<silent/>")

    async with hub.running():
        await hub.person("ada").says("hello?")

        assert await hub.person("ada").reads() == ["<silent/>"]


async def _wakes_over_a_crash(points: CrashPoints) -> FakeHub:
    """Let a hub die at the moment, and another one go on in its place."""
    hub = new_hub()
    hub.agents.will_say("Good morning.")
    await hub.store.schedules.put(a_schedule(hub, in_five_minutes(hub)))
    async with asyncio.timeout(HOUR):
        await hub.until_crash(points)
    async with hub.running(), asyncio.timeout(HOUR):
        await hub.person("ada").reads()
        await asyncio.sleep(120)
    return hub


async def _moments_of_a_wakeup() -> list[str]:
    hub, points = new_hub(), CrashPoints()
    await hub.store.schedules.put(a_schedule(hub, in_five_minutes(hub)))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(hub.until_crash(points))
        await hub.person("ada").reads()
        await asyncio.sleep(1)
        running.cancel()
    return points.passed


async def test_a_crash_at_any_moment_of_a_wakeup_gives_one_post() -> None:
    moments = await _moments_of_a_wakeup()
    fire = moments.index("before store.schedules.fire")

    for at in range(fire, len(moments) + 1):
        hub = await _wakes_over_a_crash(CrashPoints(at))

        died = f"died at {at}: {moments[at - 1]}"
        assert hub.person("ada").sees == ["Good morning."], died
        assert hub.agents.runs_started == 1, died
