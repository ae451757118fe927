"""Schedules: each slot fires once, whoever tries and however often."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from gateway.domain.ids import ConversationId
from gateway.domain.schedules import Fire, Misfire, PastSlot, Rules, Schedule, Wakeup
from gateway.domain.turns import TurnOutcome, TurnState
from gateway.ports import Store
from tests.contracts.store.words import (
    ROUTE,
    at,
    claim_turn,
    claim_turns,
    events,
    place,
    wakeup,
)
from tests.contracts.store.words import message as text_of


def daily(name: str = "s1", due: float | None = 10) -> Schedule:
    next_at = None if due is None else at(due)
    return Schedule(name, "cron:0 9 * * *", "Europe/Vienna", next_at)


def full(name: str = "s1", channel: str = "c1") -> Schedule:
    wake = Wakeup(place(channel), text_of("x").sender, "Look.", "postern", ("arxiv",), 5, 1)
    rules = Rules(Misfire.ALL, 5.5, 7, 60, "08:00", "18:30", ("sun",), paused_until=at(99))
    return replace(
        daily(name), slot_at=at(4), name="papers", wakeup=wake, rules=rules, is_paused=True
    )


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


async def test_the_notes_of_a_schedule_go_with_it(store: Store) -> None:
    for name in ("s1", "s2"):
        await store.schedules.put(daily(name))
        await store.notes.put(f"schedule:{name}", "brief", "news")

    await store.schedules.remove("s1")

    assert await store.notes.get("schedule:s1", "brief") is None
    assert await store.notes.get("schedule:s2", "brief") == "news"


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


async def test_slots_of_one_commit_are_logged_before_the_messages_that_they_became(
    store: Store,
) -> None:
    for name in ("s1", "s2"):
        await store.schedules.put(daily(name))
    read = await _due(store)
    before = await store.history.newest_entry()

    await store.schedules.fire([fire(each, 10, 70) for each in read], at(11))

    written = await store.history.audit(before, 100)
    assert [entry.kind.value for entry in written] == [
        "schedule.fired",
        "schedule.fired",
        "person.met",
        "message.accepted",
        "message.accepted",
    ]


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


async def test_what_a_schedule_wakes_and_its_rules_are_kept(store: Store) -> None:
    await store.schedules.put(full())

    read = await store.schedules.get("s1")

    assert read is not None
    assert replace(read, revision=0) == full()
    assert await store.schedules.get("s2") is None


async def test_schedules_are_listed_page_by_page(store: Store) -> None:
    for name in ("s3", "s1", "s2"):
        await store.schedules.put(daily(name))

    first = await store.schedules.page("", 2)

    assert [schedule.id for schedule in first] == ["s1", "s2"]
    assert [schedule.id for schedule in await store.schedules.page("s2", 2)] == ["s3"]


async def test_schedules_are_listed_by_the_conversation_that_they_wake(store: Store) -> None:
    for schedule in (full("s1"), full("s2", "c2"), full("s3"), daily("s4")):
        await store.schedules.put(schedule)

    found = await store.schedules.in_conversation(place().id, 10)

    assert [schedule.id for schedule in found] == ["s1", "s3"]
    assert await store.schedules.in_conversation(ConversationId("fake:local:no"), 10) == []


async def test_a_removed_schedule_is_gone_and_its_slots_stay_known(store: Store) -> None:
    schedule = await _put(store, daily())
    await store.schedules.fire([fire(schedule, 10, 50)], at(11))

    assert await store.schedules.remove("s1")
    assert not await store.schedules.remove("s1")

    assert await _due(store) == []
    again = await _put(store, daily(due=10))
    assert await store.schedules.fire([fire(again, 10, 50)], at(12)) == 0


async def test_past_slots_are_listed_newest_first(store: Store) -> None:
    schedule = await _put(store, daily())
    slots = [fire(schedule, 10, 20), fire(schedule, 20, 30, is_missed=True)]
    await store.schedules.fire(slots, at(25))

    found = await store.schedules.past_slots("s1", 10)

    assert found == [
        PastSlot(at(20), at(25), was_missed=True),
        PastSlot(at(10), at(25), was_missed=False),
    ]
    assert await store.schedules.past_slots("s1", 1) == found[:1]


async def test_a_fire_moves_the_slot_behind_the_next_moment(store: Store) -> None:
    schedule = await _put(store, replace(daily(due=12), slot_at=at(10)))
    step = replace(fire(schedule, 10, 57), slot_at=at(50))

    await store.schedules.fire([step], at(13))

    (read,) = await _due(store)
    assert (read.next_slot, read.next_at) == (at(50), at(57))


async def test_the_earliest_moment_of_all_is_known(store: Store) -> None:
    assert await store.schedules.next_due() is None
    await store.schedules.put(daily("s1", 30))
    await store.schedules.put(daily("s2", None))
    await store.schedules.put(replace(daily("s3", 5), is_paused=True))

    assert await store.schedules.next_due() == at(30)


async def test_a_change_of_schedules_is_signalled(store: Store) -> None:
    await store.schedules.put(daily())
    assert store.schedules.changed.is_set()
    store.schedules.changed.clear()

    await store.schedules.remove("s1")

    assert store.schedules.changed.is_set()


async def test_people_go_before_wakeups(store: Store) -> None:
    schedule = await _put(store, daily())
    await store.schedules.fire([fire(schedule, 10, 20), fire(schedule, 20, 30)], at(25))
    for event in ("m1", "m2"):
        await store.turns.accept(text_of(event), ROUTE, at(26))

    first = await claim_turn(store, now=26)
    await store.turns.finish(first.ref, TurnOutcome(TurnState.DONE), at(27))
    second = await claim_turn(store, now=27)

    assert events(first) == ["m1", "m2"]
    assert events(second) == ["s1:10", "s1:20"]
    assert (first.is_wakeup, second.is_wakeup) == (False, True)


async def test_who_wrote_last_in_a_conversation_is_known(store: Store) -> None:
    assert await store.people.last_sender(place().id) is None
    for event, user in (("m1", "ada"), ("m2", "bob")):
        await store.turns.accept(text_of(event, user=user), ROUTE, at(1))
    await store.turns.accept(wakeup("w1"), ROUTE, at(2))

    assert await store.people.last_sender(place().id) == text_of("x", user="bob").sender
