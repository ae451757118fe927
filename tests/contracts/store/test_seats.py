"""Seats: of one person only so many turns at once, and nobody else is kept waiting for that."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from gateway.domain.messages import Accepted, MessageKind
from gateway.domain.people import Mode, Route, person_id_of
from gateway.domain.turns import Cancellation, Claim, Turn
from gateway.ports import Store
from tests.contracts.store.words import (
    LEASE,
    SHARED,
    WORKER,
    at,
    events,
    finish,
    identity,
    message,
    wakeup,
)

COMMANDS = Route("commands", Mode.SHARED)
MOST = 2


async def claim(store: Store, now: float = 0, limit: int = 100, most: int = MOST) -> Claim:
    return await store.turns.claim(WORKER, limit, LEASE, at(now), most)


async def claimed(store: Store, now: float = 0, limit: int = 100, most: int = MOST) -> list[str]:
    return names((await claim(store, now, limit, most)).turns)


def names(turns: Sequence[Turn]) -> list[str]:
    return [event for turn in turns for event in events(turn)]


async def ask(store: Store, event: str, role: str, *, user: str = "ada", now: float = 0) -> None:
    """Write to an agent of one's own."""
    await store.turns.accept(message(event, user=user), Route(role), at(now))


async def ask_many(store: Store, count: int, *, user: str = "ada") -> None:
    """Write to so many agents of one's own, one after the other."""
    for n in range(count):
        await ask(store, f"{user}{n}", f"role{n}", user=user, now=n / 100)


async def write(
    store: Store, event: str, channel: str, *, user: str = "ada", route: Route = SHARED
) -> Accepted:
    """Write where others may write too."""
    return await store.turns.accept(message(event, user=user, channel=channel), route, at(0))


async def until_parked(store: Store, now: float = 1) -> None:
    """Claim until there is nothing to claim and nothing to wait for."""
    while (rest := await claim(store, now)).next_ready_at is not None:
        assert rest.turns == ()


async def test_of_one_person_only_so_many_turns_run_at_once(store: Store) -> None:
    await ask_many(store, 5)

    first = await claimed(store, now=1)

    assert first == ["ada0", "ada1"]
    assert await claimed(store, now=1) == []


async def test_whose_seats_are_taken_keeps_nobody_else_waiting(store: Store) -> None:
    await ask_many(store, 5)
    await ask(store, "bob", "postern", user="bob", now=1)

    assert await claimed(store, now=1) == ["ada0", "ada1", "bob"]


async def test_lanes_without_a_seat_are_nothing_to_wait_for(store: Store) -> None:
    await ask_many(store, 5)
    first = await claim(store, now=1)

    again = await claim(store, now=1)

    assert first.next_ready_at == at(1), "a seat may have become free at this very moment"
    assert (again.turns, again.next_ready_at) == ((), None)


async def test_the_oldest_lane_takes_the_seat_that_becomes_free(store: Store) -> None:
    await ask_many(store, 5)
    first, _ = (await claim(store, now=1)).turns
    await ask(store, "newest", "another", now=1)
    await until_parked(store)
    store.turn_ready.clear()

    await finish(store, first, now=2)

    assert store.turn_ready.is_set(), "whoever dispatches has to hear of it"
    assert await claimed(store, now=2) == ["ada2"]
    assert await claimed(store, now=2) == []


async def test_a_turn_that_ends_wakes_nobody_where_nobody_waits(store: Store) -> None:
    await ask(store, "ada0", "role0")
    (turn,) = (await claim(store)).turns
    store.turn_ready.clear()

    await finish(store, turn)

    assert not store.turn_ready.is_set()


async def test_every_lane_comes_in_the_end_in_its_order(store: Store) -> None:
    await ask_many(store, 7)
    seen: list[str] = []

    for _ in range(4):
        turns = (await claim(store, now=1)).turns
        seen += names(turns)
        for turn in turns:
            await finish(store, turn, now=1)

    assert seen == [f"ada{n}" for n in range(7)]


async def test_a_postponed_turn_gives_its_seat_back_and_needs_one_again(store: Store) -> None:
    await ask_many(store, 3)
    first, _ = (await claim(store, now=1)).turns
    await store.turns.postpone(first.ref, at(5), "later", None, at(1))

    assert await claimed(store, now=1) == ["ada2"]
    assert await claimed(store, now=6) == []
    assert await claimed(store, now=6, most=3) == ["ada0"]


async def test_a_lost_turn_gives_its_seat_back(store: Store) -> None:
    await ask_many(store, 4)
    await claim(store, now=1)
    late = 1 + LEASE.total_seconds()
    assert await store.turns.recover(at(late)) == 2

    again = (await claim(store, now=late)).turns

    assert names(again) == ["ada2", "ada3"]
    assert await claimed(store, now=late) == []
    await finish(store, again[0], now=late)
    assert await claimed(store, now=late) == ["ada0"]


async def test_commands_take_no_seat_and_need_none(store: Store) -> None:
    await write(store, "status", "c9", route=COMMANDS)
    await ask_many(store, 3)
    assert await claimed(store, now=1) == ["status", "ada0", "ada1"]

    await write(store, "cancel", "c1", route=COMMANDS)

    assert await claimed(store, now=1) == ["cancel"]


async def test_what_one_alone_writes_into_takes_a_seat_wherever_it_is(store: Store) -> None:
    for n in range(4):
        await write(store, f"e{n}", f"c{n}")

    assert await claimed(store) == ["e0", "e1"]


async def test_a_lane_in_which_somebody_else_waits_is_never_passed_over(store: Store) -> None:
    for n in range(4):
        await write(store, f"ada{n}", f"c{n}")
    await write(store, "bob3", "c3", user="bob")

    assert await claimed(store) == ["ada0", "ada1", "ada3", "bob3"]


async def test_what_runs_for_several_takes_nobodys_seat(store: Store) -> None:
    for channel in ("c1", "c2", "c3"):
        await write(store, f"ada-{channel}", channel)
        await write(store, f"bob-{channel}", channel, user="bob")
    assert len((await claim(store)).turns) == 3

    await ask_many(store, 3)

    assert await claimed(store, now=1) == ["ada0", "ada1"]


async def test_who_writes_into_a_lane_without_a_seat_is_heard_at_once(store: Store) -> None:
    for n in range(3):
        await write(store, f"ada{n}", f"c{n}")
    await claim(store)
    await until_parked(store)
    store.turn_ready.clear()

    await write(store, "bob", "c2", user="bob")

    assert store.turn_ready.is_set()
    assert await claimed(store, now=1) == ["ada2", "bob"]


async def test_who_writes_on_into_a_lane_without_a_seat_still_waits(store: Store) -> None:
    await ask_many(store, 3)
    first, _ = (await claim(store, now=1)).turns

    await ask(store, "more", "role2", now=1)

    assert await claimed(store, now=1) == []
    await finish(store, first, now=1)
    assert await claimed(store, now=1) == ["ada2", "more"]


async def test_a_message_taken_back_leaves_no_lane_behind(store: Store) -> None:
    await ask_many(store, 3)
    first, second = (await claim(store, now=1)).turns
    await until_parked(store)

    deletion = replace(message("gone"), kind=MessageKind.DELETE, target="ada2")
    assert await store.turns.withdraw(deletion, at(1))
    await finish(store, first, now=1)
    await finish(store, second, now=1)

    assert await claimed(store, now=1) == []
    assert (await store.history.counts()).lanes_ready == 0


async def test_lanes_without_a_seat_are_counted_as_ready(store: Store) -> None:
    await ask_many(store, 5)
    await claim(store, now=1)

    counts = await store.history.counts()

    assert (counts.lanes_ready, counts.turns_running) == (3, 2)


async def test_lanes_without_a_seat_are_told_with_the_turns_that_have_them(store: Store) -> None:
    await ask_many(store, 4)
    await ask(store, "bob", "postern", user="bob", now=1)
    turns = (await claim(store, now=1)).turns
    await until_parked(store)
    ada = turns[0].person
    lanes = [Route(f"role{n}").lane(ada, turns[0].conversation) for n in range(5)]

    before = await store.history.parked([*lanes, turns[-1].ref.lane])
    await finish(store, turns[0], now=2)
    after = await store.history.parked(lanes)

    assert before == {lanes[2]: 2, lanes[3]: 2}
    assert after == {lanes[2]: 1, lanes[3]: 1}
    assert await store.history.parked([]) == {}


async def test_who_is_forgotten_leaves_no_lane_behind(store: Store) -> None:
    await ask_many(store, 3)
    turns = (await claim(store, now=1)).turns
    await until_parked(store)
    for turn in turns:
        await finish(store, turn, now=1)

    await store.personal.forget(person_id_of(identity()), at(2))

    assert await claimed(store, now=2) == []
    assert (await store.history.counts()).lanes_ready == 0


async def test_more_seats_than_before_are_given_at_once(store: Store) -> None:
    await ask_many(store, 5)
    await claim(store, now=1)

    assert await claimed(store, now=1, most=4) == ["ada2", "ada3"]


async def test_a_crowd_of_lanes_is_passed_over_however_long_it_is(store: Store) -> None:
    await ask_many(store, 12)
    await ask(store, "bob", "postern", user="bob", now=1)
    seen: list[str] = []

    rest = at(1)
    looks = 0
    while rest is not None:
        taken = await claim(store, now=1, limit=3)
        seen += names(taken.turns)
        rest, looks = taken.next_ready_at, looks + 1

    assert seen == ["ada0", "ada1", "bob"]
    assert looks <= 6, "each look gets three lanes out of the way"


async def test_a_claim_stops_at_its_limit_among_lanes_that_waited_for_seats(store: Store) -> None:
    await ask_many(store, 4)
    turns = (await claim(store, now=1)).turns
    await until_parked(store)
    await ask(store, "bob", "postern", user="bob", now=1)
    for turn in turns:
        await finish(store, turn, now=1)

    assert await claimed(store, now=1, limit=1) == ["ada2"]
    assert await claimed(store, now=1, limit=1) == ["ada3"]
    assert await claimed(store, now=1, limit=1) == ["bob"]


async def test_many_claims_at_once_give_no_seat_twice(store: Store) -> None:
    await ask_many(store, 12)
    await ask_many(store, 12, user="bob")

    claims = await asyncio.gather(*(claim(store, now=1, limit=3) for _ in range(10)))

    people = [turn.person for each in claims for turn in each.turns]
    assert max(people.count(person) for person in people) <= MOST


async def cancel(store: Store, turn: Turn, now: float) -> None:
    """Carry out the person's command; its turn stays open."""
    await write(store, "cancel", "c9", route=COMMANDS)
    command = next(each for each in (await claim(store, now)).turns if each.role == "commands")
    cancellation = Cancellation(command.messages[0], command.person, (turn.ref.lane,))
    store.turn_ready.clear()
    assert (await store.turns.cancel(command.ref, cancellation, at(now))).turns == 1


async def test_a_cancelled_turn_that_waits_for_a_seat_ends_without_one(store: Store) -> None:
    await ask_many(store, 4)
    first, second = (await claim(store, now=1)).turns
    await store.turns.postpone(first.ref, at(5), "later", None, at(1))
    assert await claimed(store, now=6) == ["ada2"]
    await until_parked(store, now=6)

    await cancel(store, first, now=6)

    assert store.turn_ready.is_set(), "whoever dispatches has to hear of it"
    (again,) = (await claim(store, now=6)).turns
    assert (again.ref.id, again.is_cancelled) == (first.ref.id, True)
    await finish(store, again, now=6)
    assert await claimed(store, now=6) == [], "it had no seat to give back"
    await finish(store, second, now=7)
    assert await claimed(store, now=7) == ["ada3"]


async def test_a_cancelled_turn_that_rests_ends_without_a_seat(store: Store) -> None:
    await ask_many(store, 3)
    first, _ = (await claim(store, now=1)).turns
    await store.turns.postpone(first.ref, at(600), "later", None, at(1))
    assert await claimed(store, now=1) == ["ada2"]

    await cancel(store, first, now=2)

    (again,) = (await claim(store, now=2)).turns
    assert (again.ref.id, again.is_cancelled) == (first.ref.id, True)


async def test_a_cancelled_turn_whose_worker_was_lost_ends_without_a_seat(store: Store) -> None:
    await ask_many(store, 4)
    first, second = (await claim(store, now=1)).turns
    await cancel(store, second, now=1)
    late = 1 + LEASE.total_seconds()
    await store.turns.recover(at(late))

    again = (await claim(store, now=late)).turns

    assert [turn.is_cancelled for turn in again if turn.ref.id == second.ref.id] == [True]
    assert len([turn for turn in again if turn.role.startswith("role")]) == MOST + 1
    assert first.ref.lane not in {turn.ref.lane for turn in again}, "it is behind who waits"


async def test_what_several_wait_for_is_cancelled_as_well_as_what_one_does(store: Store) -> None:
    for n in range(3):
        await write(store, f"ada{n}", f"c{n}")
    first, _ = (await claim(store)).turns
    await store.turns.postpone(first.ref, at(5), "later", None, at(1))
    assert await claimed(store, now=6) == ["ada2"]
    await until_parked(store, now=6)

    await cancel(store, first, now=6)

    (again,) = (await claim(store, now=6)).turns
    assert (again.ref.id, again.is_cancelled) == (first.ref.id, True)


async def test_wakeups_take_seats_as_what_their_person_writes(store: Store) -> None:
    for n in range(4):
        await store.turns.accept(wakeup(f"wake{n}"), Route(f"role{n}"), at(n / 100))

    assert await claimed(store, now=1) == ["wake0", "wake1"]
