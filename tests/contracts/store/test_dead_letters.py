"""What was given up: listed until the operator has dealt with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from gateway.domain.audit import AuditKind
from gateway.domain.dead_letters import DeadDelivery, DeadLetter, DeadTurn, Verdict
from gateway.domain.deliveries import DeliveryState, SendFailed
from gateway.domain.turns import TurnOutcome, TurnState
from gateway.ports import Store
from tests.contracts.store.words import (
    ROUTE,
    at,
    claim_post,
    claim_turn,
    events,
    message,
    place,
    post,
    say,
    sent_as,
    settle,
    start_turn,
)

AGAIN = replace(message("e1"), event_id="e1:replay")


async def _fail_turn(store: Store, event: str, *, now: float) -> DeadTurn:
    turn = await start_turn(store, event)
    await store.turns.finish(turn.ref, TurnOutcome(TurnState.FAILED, (), "too hard"), at(now))
    letter = await store.dead_letters.get(turn.ref.id)
    assert isinstance(letter, DeadTurn)
    return letter


async def _fail_post(store: Store, name: str, *, now: float, channel: str = "c1") -> DeadDelivery:
    await store.deliveries.enqueue([post(name, channel=channel)], at(now))
    await settle(store, await claim_post(store, now), SendFailed("no permission"), now)
    letter = await store.dead_letters.get(name)
    assert isinstance(letter, DeadDelivery)
    return letter


async def _listed(store: Store, limit: int = 100) -> list[DeadLetter]:
    return await store.dead_letters.page(limit)


async def test_what_went_well_is_no_dead_letter(store: Store) -> None:
    turn = await start_turn(store)
    await store.turns.finish(turn.ref, TurnOutcome(TurnState.DONE, (post("a"),)), at(0))
    await settle(store, await claim_post(store), sent_as("p1"))

    assert await _listed(store) == []
    assert await store.dead_letters.get(turn.ref.id) is None
    assert await store.dead_letters.get("a") is None


async def test_a_failed_turn_says_what_was_asked_and_why_it_failed(store: Store) -> None:
    letter = await _fail_turn(store, "e1", now=3)

    assert (letter.messages, letter.text) == ((message("e1"),), "text of e1")
    assert (letter.conversation, letter.error, letter.at) == (place(), "too hard", at(3))
    assert letter.lane.endswith("/postern")


async def test_a_failed_post_says_what_it_was_and_why_it_failed(store: Store) -> None:
    letter = await _fail_post(store, "a", now=3)

    assert letter == DeadDelivery("a", place(), "text of a", "no permission", at(3))


async def test_the_oldest_are_listed_first(store: Store) -> None:
    third = await _fail_post(store, "z", now=30)
    first = await _fail_turn(store, "e1", now=10)
    second = await _fail_post(store, "b", now=20)

    assert await _listed(store) == [first, second, third]
    assert await _listed(store, limit=2) == [first, second]


async def test_a_closed_turn_leaves_the_list_once(store: Store) -> None:
    letter = await _fail_turn(store, "e1", now=0)

    assert await store.dead_letters.close(letter, Verdict.REPLAYED, at(1))

    assert not await store.dead_letters.close(letter, Verdict.DROPPED, at(2))
    assert await _listed(store) == []
    assert (await store.history.counts()).turns_failed == 0


async def test_a_dropped_post_leaves_the_list_once_and_stays_unsent(store: Store) -> None:
    letter = await _fail_post(store, "a", now=0)

    assert await store.dead_letters.drop(letter, at(1))

    assert not await store.dead_letters.drop(letter, at(2))
    assert not await store.dead_letters.resend(letter, at(2))
    dropped = await store.deliveries.get("a")
    assert dropped is not None
    assert dropped.state is DeliveryState.DROPPED
    assert await store.history.history(place().id, None, 10) == []


async def test_a_resent_post_is_looked_for_before_it_is_posted(store: Store) -> None:
    letter = await _fail_post(store, "a", now=0)
    store.delivery_ready.clear()

    assert await store.dead_letters.resend(letter, at(50))

    again = await claim_post(store, now=50)
    assert (again.id, again.state, again.attempts) == ("a", DeliveryState.UNKNOWN, 1)
    assert again.created_at == at(50)
    assert store.delivery_ready.is_set()
    assert not await store.dead_letters.resend(letter, at(51))


async def test_a_resent_post_waits_for_the_one_that_is_being_sent(store: Store) -> None:
    letter = await _fail_post(store, "a", now=0)
    await store.deliveries.enqueue([post("b")], at(1))
    sending = await claim_post(store, now=1)

    await store.dead_letters.resend(letter, at(2))
    await settle(store, sending, sent_as("p1"), now=3)

    assert (await claim_post(store, now=3)).id == "a"


async def test_the_messages_of_a_dead_turn_can_come_in_again(store: Store) -> None:
    letter = await _fail_turn(store, "e1", now=0)
    await say(store, "e2", now=1)
    await store.turns.accept(AGAIN, ROUTE, at(2))
    await store.dead_letters.close(letter, Verdict.REPLAYED, at(2))

    turn = await claim_turn(store, now=2)

    assert events(turn) == ["e2", "e1:replay"]


async def test_what_retention_dropped_is_still_listed(store: Store) -> None:
    letter = await _fail_turn(store, "e1", now=0)
    await store.history.retain(at(0) + timedelta(days=1), 100)

    found = await store.dead_letters.get(letter.id)

    assert found is not None
    assert found.text == ""


async def test_what_the_operator_did_is_in_the_audit_log(store: Store) -> None:
    turn = await _fail_turn(store, "e1", now=0)
    dropped = await _fail_post(store, "a", now=0)
    resent = await _fail_post(store, "b", now=0)

    await store.dead_letters.close(turn, Verdict.REPLAYED, at(1))
    await store.dead_letters.drop(dropped, at(2))
    await store.dead_letters.resend(resent, at(3))

    log = [(each.kind, each.ref) for each in await store.history.audit(0, 1_000)]
    assert log[-3:] == [
        (AuditKind.TURN_CLOSED, turn.id),
        (AuditKind.DELIVERY_CLOSED, "a"),
        (AuditKind.DELIVERY_RESENT, "b"),
    ]
