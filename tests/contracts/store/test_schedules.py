"""Schedules: each slot fires once, whoever tries and however often."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from gateway.domain.schedules import Fire, Schedule
from gateway.ports import Store
from tests.contracts.store.words import ROUTE, at, claim_turn, claim_turns, events, wakeup


def daily(name: str = "s1", due: float | None = 10) -> Schedule:
    next_at = None if due is None else at(due)
    return Schedule(name, "cron:0 9 * * *", "Europe/Vienna", next_at)


def fire(schedule: Schedule, due: float, then: float | None, *, is_missed: bool = False) -> Fire:
    message = None if is_missed else wakeup(f"{schedule.id}:{due}")
    return Fire(schedule, at(due), None if then is None else at(then), message, ROUTE)


async def _due(store: Store, now: float = 1000) -> list[Schedule]:
    return await store.schedules.due(at(now), 100)


async def _put(store: Store, schedule: Schedule) -> Schedule:
    await store.schedules.put(schedule)
    (read,) = await _due(store)
    return read


async def test_due_schedules_come_oldest_slot_first(store: Store) -> None:
    for name, due in (("s1", 30), ("s2", 10), ("s3", 20), ("s4", 99), ("s5", None)):
        await store.schedules.put(daily(name, due))

    assert [schedule.id for schedule in await _due(store, now=30)] == ["s2", "s3", "s1"]
    assert [schedule.id for schedule in await store.schedules.due(at(30), 1)] == ["s2"]


async def test_a_schedule_is_read_as_it_was_put(store: Store) -> None:
    read = await _put(store, daily())

    assert replace(read, revision=0) == daily()


async def test_a_paused_schedule_is_not_due(store: Store) -> None:
    await store.schedules.put(replace(daily(), is_paused=True))

    assert await _due(store) == []


async def test_an_edit_replaces_the_schedule_and_raises_its_revision(store: Store) -> None:
    first = await _put(store, daily())

    second = await _put(store, daily(due=20))

    assert second.next_at == at(20)
    assert second.revision > first.revision


async def test_a_slot_fires_as_a_message_and_advances(store: Store) -> None:
    schedule = await _put(store, daily())
    store.turn_ready.clear()

    assert await store.schedules.fire([fire(schedule, 10, 50)], at(11)) == 1

    assert store.turn_ready.is_set()
    turn = await claim_turn(store, now=11)
    assert turn.messages == (wakeup("s1:10"),)
    assert await _due(store, now=49) == []
    assert await _due(store, now=50) == [replace(schedule, next_at=at(50))]


async def test_a_slot_fires_once_whoever_tries(store: Store) -> None:
    schedule = await _put(store, daily())

    counts = await asyncio.gather(
        *(store.schedules.fire([fire(schedule, 10, 50)], at(11)) for _ in range(20))
    )

    assert sum(counts) == 1
    assert events(await claim_turn(store, now=11)) == ["s1:10"]


async def test_a_fire_computed_from_an_old_edit_does_nothing(store: Store) -> None:
    old = await _put(store, daily())
    await _put(store, daily())

    assert await store.schedules.fire([fire(old, 10, 50)], at(11)) == 0

    assert await claim_turns(store, now=11) == ()
    assert len(await _due(store, now=11)) == 1


async def test_a_missed_slot_advances_without_a_message(store: Store) -> None:
    schedule = await _put(store, daily())

    assert await store.schedules.fire([fire(schedule, 10, 50, is_missed=True)], at(40)) == 1

    assert await claim_turns(store, now=40) == ()
    assert await _due(store, now=40) == []


async def test_the_last_slot_leaves_nothing_due(store: Store) -> None:
    schedule = await _put(store, daily())

    await store.schedules.fire([fire(schedule, 10, None)], at(11))

    assert await _due(store) == []


async def test_slots_to_catch_up_fire_together_in_order(store: Store) -> None:
    schedule = await _put(store, daily())
    slots = [fire(schedule, 10, 20), fire(schedule, 20, 30), fire(schedule, 30, 40)]

    assert await store.schedules.fire(slots, at(35)) == 3

    assert events(await claim_turn(store, now=35)) == ["s1:10", "s1:20", "s1:30"]
    assert await _due(store, now=39) == []


async def test_a_slot_that_fired_before_a_step_of_the_clock_is_not_repeated(store: Store) -> None:
    schedule = await _put(store, daily())
    await store.schedules.fire([fire(schedule, 10, 50)], at(11))
    set_back = await _put(store, daily(due=10))

    assert await store.schedules.fire([fire(set_back, 10, 50)], at(11)) == 0

    assert events(await claim_turn(store, now=11)) == ["s1:10"]
    assert await _due(store, now=49) == []


async def test_a_schedule_that_is_gone_fires_nothing(store: Store) -> None:
    assert await store.schedules.fire([fire(daily(), 10, 50)], at(11)) == 0

    assert await claim_turns(store, now=11) == ()
