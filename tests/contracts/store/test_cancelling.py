"""A person cancels: what was begun before their word is marked, what waited is withdrawn."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.domain.audit import AuditKind
from gateway.domain.messages import MessageKind
from gateway.domain.people import Route
from gateway.domain.turns import Cancellation, Cancelled, Turn
from gateway.errors import Fenced
from gateway.ports import Store
from tests.contracts.store.words import (
    LEASE,
    ROUTE,
    WORKER,
    at,
    claim_turn,
    claim_turns,
    events,
    finish,
    message,
    place,
    say,
    stale,
    start_turn,
    wakeup,
)

COMMANDS = Route("commands")


async def _command(store: Store, event: str = "stop") -> Turn:
    """Give the command, and claim the turn that carries it out."""
    word = replace(message(event, text="cancel"), kind=MessageKind.COMMAND)
    await store.turns.accept(word, COMMANDS, at(0))
    return next(turn for turn in await claim_turns(store) if turn.role == "commands")


def _cancellation(command: Turn) -> Cancellation:
    lane = ROUTE.lane(command.person, place())
    return Cancellation(command.messages[0], command.person, (lane,))


async def _cancel(store: Store, command: Turn) -> Cancelled:
    return await store.turns.cancel(command.ref, _cancellation(command), at(1))


async def test_a_running_turn_is_cancelled_and_its_worker_told(store: Store) -> None:
    turn = await start_turn(store)
    command = await _command(store)

    assert await _cancel(store, command) == Cancelled(turns=1, messages=0)

    assert store.turn_cancelled.is_set()
    assert list(await store.turns.cancelled()) == [turn.ref.id]
    await finish(store, turn)
    assert list(await store.turns.cancelled()) == []


async def test_whoever_claims_a_cancelled_turn_again_knows_it(store: Store) -> None:
    turn = await start_turn(store)
    await _cancel(store, await _command(store))

    await store.turns.recover(at(31))
    (again, *_) = [each for each in await claim_turns(store, 31) if each.ref.id == turn.ref.id]

    assert not turn.is_cancelled
    assert again.is_cancelled


async def test_a_cancelled_turn_that_waits_to_be_tried_again_is_ready_at_once(
    store: Store,
) -> None:
    turn = await start_turn(store)
    await store.turns.postpone(turn.ref, at(600), "RetryLater: later", None, at(0))
    command = await _command(store)
    store.turn_ready.clear()

    assert await _cancel(store, command) == Cancelled(turns=1, messages=0)

    assert store.turn_ready.is_set()
    assert (await claim_turn(store, 1)).is_cancelled


async def test_a_repeat_of_the_command_stops_nothing_else(store: Store) -> None:
    turn = await start_turn(store, "e1")
    await store.turns.accept(message("elsewhere", channel="c2"), ROUTE, at(0))
    command = await _command(store)
    first = await _cancel(store, command)
    await finish(store, turn)
    following = await claim_turn(store, 1)

    assert await _cancel(store, command) == first
    assert events(following) == ["elsewhere"]
    assert list(await store.turns.cancelled()) == []


async def test_a_turn_that_began_with_a_later_message_goes_on(store: Store) -> None:
    command = await _command(store)
    await start_turn(store, "later")

    assert await _cancel(store, command) == Cancelled(turns=0, messages=0)
    assert list(await store.turns.cancelled()) == []


async def test_what_the_person_said_before_and_still_waits_is_withdrawn(store: Store) -> None:
    turn = await start_turn(store, "e1")
    await say(store, "e2")
    await store.turns.accept(message("elsewhere", channel="c2"), ROUTE, at(0))
    await store.turns.accept(wakeup("w1"), ROUTE, at(0))
    command = await _command(store)
    await say(store, "after")

    assert await _cancel(store, command) == Cancelled(turns=1, messages=1)

    await finish(store, turn)
    heard: list[str] = []
    while turns := await claim_turns(store, 2):
        heard += events(turns[0])
        await finish(store, turns[0])
    assert sorted(heard) == ["after", "elsewhere", "w1"]
    withdrawn = [
        entry.ref
        for entry in await store.history.audit(0, 100)
        if entry.kind is AuditKind.MESSAGE_WITHDRAWN
    ]
    assert withdrawn == ["fake:local:e2"]


async def test_what_waits_alone_is_withdrawn_and_leaves_its_lane_idle(store: Store) -> None:
    await store.turns.accept(message("e1"), replace(ROUTE, quiet_seconds=60), at(0))
    command = await _command(store)

    assert await _cancel(store, command) == Cancelled(turns=0, messages=1)

    assert await claim_turns(store, 100) == ()


async def test_in_a_lane_of_many_nobody_withdraws_what_another_said(store: Store) -> None:
    command = await _command(store)
    lane = ROUTE.lane((await _bob_says(store, "b1")).person, place())
    word = replace(message("again", text="cancel"), kind=MessageKind.COMMAND)
    await store.turns.accept(word, COMMANDS, at(0))
    await finish(store, command)
    second = next(turn for turn in await claim_turns(store) if turn.role == "commands")

    stopped = await store.turns.cancel(
        second.ref, Cancellation(second.messages[0], second.person, (lane,)), at(1)
    )

    assert stopped.messages == 0


async def _bob_says(store: Store, event: str) -> Turn:
    await store.turns.accept(message(event, user="bob"), replace(ROUTE, quiet_seconds=60), at(0))
    claim = await store.turns.claim(WORKER, 10, LEASE, at(100))
    (turn,) = [each for each in claim.turns if each.role == "postern"]
    await store.turns.accept(message(f"{event}-more", user="bob"), ROUTE, at(100))
    return turn


async def test_an_old_fence_cancels_nothing(store: Store) -> None:
    await start_turn(store)
    command = await _command(store)

    with pytest.raises(Fenced):
        await store.turns.cancel(stale(command), _cancellation(command), at(1))

    assert list(await store.turns.cancelled()) == []


async def test_the_log_says_who_cancelled_what_once(store: Store) -> None:
    turn = await start_turn(store)
    command = await _command(store)
    await _cancel(store, command)
    await _cancel(store, command)

    (entry,) = [
        entry
        for entry in await store.history.audit(0, 100)
        if entry.kind is AuditKind.TURN_CANCELLED
    ]
    assert (entry.subject, entry.ref) == (turn.ref.lane, turn.ref.id)
    assert entry.data == {"by": command.ref.id}
