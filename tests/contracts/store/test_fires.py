"""What slots came to: known once everything about them is settled, and judged once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gateway.domain.deliveries import NewDelivery, SendFailed
from gateway.domain.fires import EndedSlot, Pulse, SlotVerdict
from gateway.domain.ids import DeliveryId
from gateway.domain.messages import NOWHERE
from gateway.domain.schedules import Fire, Schedule, Wakeup
from gateway.domain.turns import Turn, TurnOutcome, TurnState
from gateway.ports import Store
from storage.rules import WAKEUP_PATIENCE
from tests.contracts.store.words import (
    ROUTE,
    at,
    claim_post,
    claim_turn,
    events,
    finish,
    identity,
    message,
    part,
    place,
    post,
    say,
    send_all,
    sent_as,
    settle,
    wakeup,
)


def verdict(due: float = 10, result: str = "posted", **more: object) -> SlotVerdict:
    return replace(SlotVerdict("s1", at(due), result), **more)  # pyright: ignore[reportArgumentType]


async def fires(
    store: Store, due: float = 10, *, name: str = "s1", why: str = "", user: str = "ada"
) -> None:
    """Let a slot of a user's schedule pass: heard by the agent, or missed for a reason."""
    event = wakeup(f"{name}:{due}", user=user)
    woken = Wakeup(event.conversation, event.sender, event.text)
    await store.schedules.put(Schedule(name, "every:60", "UTC", at(due), wakeup=woken))
    read = await store.schedules.get(name)
    assert read is not None
    event = None if why else event
    await store.schedules.fire([Fire(read, at(due), None, event, ROUTE, why=why)], at(due + 1))


async def wakes(store: Store, due: float = 10, name: str = "s1") -> Turn:
    await fires(store, due, name=name)
    return await claim_turn(store, now=due + 1)


async def test_a_slot_has_ended_when_its_turn_is_over_and_its_posts_are_there(
    store: Store,
) -> None:
    turn = await wakes(store)
    assert await store.fires.ended(10) == []
    await finish(store, turn, part(turn, 0), now=12)
    assert await store.fires.ended(10) == []

    await send_all(store, now=13)

    assert await store.fires.ended(10) == [EndedSlot("s1", at(10), TurnState.DONE, None, 1, None)]


async def test_a_post_that_was_refused_is_told_with_its_reason(store: Store) -> None:
    turn = await wakes(store)
    await finish(store, turn, part(turn, 0), part(turn, 1), now=12)
    await settle(store, await claim_post(store, now=12), SendFailed("gone"), now=13)
    await settle(store, await claim_post(store, now=13), sent_as("p1"), now=14)

    (ended,) = await store.fires.ended(10)

    assert (ended.posts, ended.refused) == (2, "gone")


async def test_a_turn_that_failed_tells_why(store: Store) -> None:
    turn = await wakes(store)
    await store.turns.finish(turn.ref, TurnOutcome(TurnState.FAILED, (), "no model"), at(12))

    (ended,) = await store.fires.ended(10)

    assert (ended.state, ended.error, ended.posts) == (TurnState.FAILED, "no model", 0)


async def test_missed_slots_and_open_turns_have_not_ended(store: Store) -> None:
    await fires(store, 10, why="late")
    await fires(store, 20, name="s2")

    assert await store.fires.ended(10) == []


async def test_a_slot_is_judged_once_with_all_that_follows(store: Store) -> None:
    turn = await wakes(store)
    await store.schedules.put(Schedule("s1", "every:60", "UTC", at(70)))
    await finish(store, turn, now=12)
    alert = NewDelivery(DeliveryId("alert-1"), place("dm"), "It failed.")
    said = verdict(result="failed", failures=2, rest_until=at(99), is_pausing=True, alert=alert)

    counts = await asyncio.gather(*(store.fires.judge([said], at(13)) for _ in range(5)))

    assert sum(counts) == 1
    assert await store.fires.ended(10) == []
    schedule = await store.schedules.get("s1")
    assert schedule is not None
    assert (schedule.failures, schedule.rest_until, schedule.is_paused) == (2, at(99), True)
    assert await send_all(store, now=14) == [("alert-1", "It failed.")]
    (slot,) = await store.schedules.past_slots("s1", 10)
    assert slot.result == "failed"


async def test_an_edit_forgives_the_failures(store: Store) -> None:
    turn = await wakes(store)
    await finish(store, turn, now=12)
    await store.fires.judge([verdict(failures=3, rest_until=at(99))], at(13))

    await store.schedules.put(Schedule("s1", "every:60", "UTC", at(70)))

    schedule = await store.schedules.get("s1")
    assert schedule is not None
    assert (schedule.failures, schedule.rest_until) == (0, None)


async def test_judging_a_slot_of_a_removed_schedule_does_no_harm(store: Store) -> None:
    turn = await wakes(store)
    await finish(store, turn, now=12)
    await store.schedules.remove("s1")

    assert await store.fires.judge([verdict()], at(13)) == 1


async def test_the_log_of_a_role_has_every_slot_newest_first(store: Store) -> None:
    await fires(store, 5, name="s0", why="outside_hours")
    turn = await wakes(store)
    await finish(store, turn, part(turn, 0, "News."), now=12)
    await store.fires.judge([verdict()], at(13))
    await fires(store, 20, name="s2")

    lines = await store.fires.activity(ROUTE.role, None, 10)

    assert [(line.schedule, line.outcome) for line in lines] == [
        ("s2", "open"),
        ("s1", "posted"),
        ("s0", "outside_hours"),
    ]
    assert [line.posts for line in lines] == [(), ("News.",), ()]
    assert (lines[1].turn, lines[1].conversation) == (turn.ref.id, turn.conversation)
    assert (lines[1].person, lines[2].person) == (turn.person, None)
    assert await store.fires.activity("nobody", None, 10) == []


async def test_the_log_goes_on_behind_its_cursor(store: Store) -> None:
    for due, name in ((5, "s1"), (5, "s2"), (9, "s3")):
        await fires(store, due, name=name, why="late")

    first = await store.fires.activity(ROUTE.role, None, 2)
    rest = await store.fires.activity(ROUTE.role, first[-1].cursor, 2)

    assert [line.schedule for line in (*first, *rest)] == ["s3", "s2", "s1"]


async def test_the_log_of_a_person_has_only_slots_in_their_name(store: Store) -> None:
    await store.schedules.wake(wakeup("hook:ci:d1"), ROUTE, at(1))
    await fires(store, 5, name="hers")
    await fires(store, 6, name="his", user="bob")
    await fires(store, 7, name="hers", why="late")
    await fires(store, 8, name="his", user="bob", why="late")
    await fires(store, 9, name="a stranger's", user="eve", why="late")
    ada = await store.people.find_person(identity("ada"))
    bob = await store.people.find_person(identity("bob"))
    assert ada is not None
    assert bob is not None

    first = await store.fires.activity(ROUTE.role, None, 2, ada.id)
    rest = await store.fires.activity(ROUTE.role, first[-1].cursor, 2, ada.id)
    his = await store.fires.activity(ROUTE.role, None, 10, bob.id)

    assert [(line.schedule, line.outcome) for line in (*first, *rest)] == [
        *(("hers", "late"), ("hers", "open"), ("hook:ci:d1", "open")),
    ]
    assert [(line.schedule, line.outcome) for line in his] == [("his", "late"), ("his", "open")]
    assert await store.fires.activity("nobody", None, 10, ada.id) == []


async def test_old_slots_are_forgotten_when_they_are_over(store: Store) -> None:
    await fires(store, 5, name="s0", why="late")
    turn = await wakes(store)
    await finish(store, turn, now=12)
    await fires(store, 20, name="s2")

    assert await store.fires.forget(at(1000), 10) == 1
    await store.fires.judge([verdict()], at(13))
    assert await store.fires.forget(at(11), 10) == 0
    assert await store.fires.forget(at(12), 10) == 1

    (left,) = await store.fires.activity(ROUTE.role, None, 10)
    assert left.schedule == "s2"


async def test_the_pulse_tells_who_is_at_work_and_when_a_person_wrote(store: Store) -> None:
    accepted = await say(store, "m1", now=3)
    lane = ROUTE.lane(accepted.person, place())
    await store.turns.accept(wakeup("w1"), ROUTE, at(5))

    assert await store.fires.pulse(lane, place()) == Pulse(is_busy=False, heard_at=at(3))
    await claim_turn(store, now=6)
    assert await store.fires.pulse(lane, place()) == Pulse(is_busy=True, heard_at=at(3))
    nowhere = ROUTE.lane(accepted.person, place("c9"))
    assert (await store.fires.pulse(nowhere, place("c9"))).heard_at is None


async def test_a_wakeup_waits_behind_people_but_not_for_ever(store: Store) -> None:
    await store.turns.accept(wakeup("w1"), ROUTE, at(0))
    heard: list[str] = []
    for step in range(7):
        moment = step * WAKEUP_PATIENCE.total_seconds() / 5
        await store.turns.accept(message(f"m{step}"), ROUTE, at(moment))
        turn = await claim_turn(store, now=moment)
        heard += events(turn)
        await finish(store, turn, now=moment + 1)

    assert heard == ["m0", "m1", "m2", "m3", "m4", "w1", "m5", "m6"]


async def test_notes_are_remembered_by_subject_and_name(store: Store) -> None:
    await store.notes.put("a", "x", "one")
    await store.notes.put("a", "x", "two")
    await store.notes.put("b", "x", "three")

    assert await store.notes.get("a", "x") == "two"
    assert await store.notes.get("b", "x") == "three"
    await store.notes.drop("a", "x")
    assert await store.notes.get("a", "x") is None


@pytest.mark.parametrize("text", ["", "ü\n{}", "x" * 100_000])
async def test_a_note_comes_back_as_it_was_put(store: Store, text: str) -> None:
    await store.notes.put("a", "x", text)

    assert await store.notes.get("a", "x") == text


async def test_posts_of_other_turns_do_not_count(store: Store) -> None:
    turn = await wakes(store)
    await finish(store, turn, now=12)
    await store.deliveries.enqueue([post("d1")], at(12))

    (ended,) = await store.fires.ended(10)

    assert ended.posts == 0


async def test_conversations_in_which_people_were_heard_are_listed_by_id(store: Store) -> None:
    for channel in ("c2", "c1", "c3"):
        await store.turns.accept(message(f"m-{channel}", channel=channel), ROUTE, at(0))
        await store.deliveries.enqueue([post(f"d-{channel}", channel=channel)], at(1))
    await store.deliveries.enqueue([post("d-c4", channel="c4")], at(1))

    first = await store.history.conversations(None, 2)
    rest = await store.history.conversations(first[-1].id, 2)

    assert [found.channel for found in (*first, *rest)] == ["c1", "c2", "c3"]


async def test_a_wakeup_without_a_schedule_is_a_slot_of_its_own(store: Store) -> None:
    woken = [await store.schedules.wake(wakeup("hook:ci:d1"), ROUTE, at(n)) for n in (1, 2)]

    (line,) = await store.fires.activity(ROUTE.role, None, 10)
    assert [accepted.is_new for accepted in woken] == [True, False]
    assert (line.schedule, line.due_at, line.outcome) == ("hook:ci:d1", at(1), "open")
    assert (line.person, line.conversation) == (woken[0].person, place())

    turn = await claim_turn(store, now=5)
    await finish(store, turn, now=6)
    (ended,) = await store.fires.ended(10)
    await store.fires.judge([SlotVerdict(ended.schedule, ended.due_at, "silent")], at(7))
    (line,) = await store.fires.activity(ROUTE.role, None, 10)
    assert (line.outcome, line.turn) == ("silent", turn.ref.id)


async def test_all_notes_of_a_subject_are_read_at_once(store: Store) -> None:
    await store.notes.put("paused", "a", "one")
    await store.notes.put("paused", "b", "two")
    await store.notes.put("other", "a", "three")

    assert await store.notes.all_of("paused") == {"a": "one", "b": "two"}
    assert await store.notes.all_of("nothing") == {}


async def test_notes_that_pass_are_dropped_with_contents_of_their_age(store: Store) -> None:
    for name, moment in (("newer", 20), ("old", 9), ("older", 8)):
        await store.notes.put("a", name, name, passing=at(moment))
    await store.notes.put("a", "lasting", "stays")
    await store.notes.put("b", "put again", "once", passing=at(0))
    await store.notes.put("b", "put again", "stays")

    assert [await store.history.retain(at(10), 1) for _ in range(3)] == [1, 1, 0]
    assert await store.notes.all_of("a") == {"newer": "newer", "lasting": "stays"}
    assert await store.notes.all_of("b") == {"put again": "stays"}


async def test_a_wakeup_for_nobody_stays_one_and_has_a_turn_of_its_own(store: Store) -> None:
    for name, target in (("loud", None), ("silent", NOWHERE), ("louder", None)):
        await store.schedules.wake(replace(wakeup(name), target=target), ROUTE, at(0))

    heard: list[list[bool]] = []
    for _ in range(3):
        turn = await claim_turn(store)
        heard.append([message.is_for_nobody for message in turn.messages])
        await finish(store, turn)

    assert heard == [[False], [True], [False]]
