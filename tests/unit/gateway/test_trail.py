"""A trail tells everything of a thing, nothing of others, and what it still waits for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.domain.audit import AuditKind
from gateway.domain.deliveries import SendFailed, SendLater, SendOutcome, SendUnknown
from gateway.domain.people import Route
from gateway.domain.trails import Trail
from gateway.domain.turns import TurnOutcome, TurnState
from gateway.errors import BadInput
from gateway.trail import Trails
from storage.memory.store import MemoryStore
from tests.contracts.store.words import (
    LEASE,
    ROUTE,
    WORKER,
    at,
    claim_post,
    claim_turn,
    finish,
    message,
    part,
    place,
    refusal,
    say,
    send_all,
    settle,
    start_turn,
    wakeup,
)


@pytest.fixture
async def store() -> MemoryStore:
    store = MemoryStore()
    await store.open()
    return store


async def _follow(store: MemoryStore, name: str) -> Trail:
    return await Trails(store.history).follow(name)


async def _whole_turn(store: MemoryStore) -> None:
    await say(store, "e1")
    await say(store, "e2")
    turn = await claim_turn(store)
    await finish(store, turn, part(turn, 0), part(turn, 1))
    await send_all(store)
    await store.turns.accept(message("other", user="bob"), ROUTE, at(0))


@pytest.mark.parametrize(
    "name", ["e1", "e2", "fake:local:e2", "turn-1", "turn-1.0", "turn-1.1", "fake:local:e1"]
)
async def test_every_part_leads_to_the_whole(store: MemoryStore, name: str) -> None:
    await _whole_turn(store)

    trail = await _follow(store, name)

    assert [entry.kind for entry in trail.entries] == [
        AuditKind.MESSAGE_ACCEPTED,
        AuditKind.MESSAGE_ACCEPTED,
        AuditKind.TURN_CLAIMED,
        AuditKind.DELIVERY_STORED,
        AuditKind.DELIVERY_STORED,
        AuditKind.TURN_ENDED,
        *(AuditKind.DELIVERY_CLAIMED, AuditKind.DELIVERY_SETTLED) * 2,
    ]
    assert trail.is_open == ()
    assert not trail.is_cut


async def test_a_person_leads_to_all_that_they_own(store: MemoryStore) -> None:
    accepted = await say(store, "e1")
    await store.people.intend_agent(accepted.person, "postern", at(0))
    await store.turns.accept(message("other", user="bob"), ROUTE, at(0))

    refs = {entry.ref for entry in (await _follow(store, accepted.person)).entries}

    assert message("e1").idempotency_key in refs
    assert message("other").idempotency_key not in refs


async def test_a_refusal_leads_to_its_reply(store: MemoryStore) -> None:
    await store.turns.refuse(refusal("e1"), at(0))

    trail = await _follow(store, "e1")

    assert [entry.ref for entry in trail.entries] == ["fake:local:e1", "reply-e1"]
    assert trail.is_open == ("reply-e1 waits to be sent.",)


async def test_a_waiting_message_says_so(store: MemoryStore) -> None:
    await say(store, "e1")

    assert (await _follow(store, "e1")).is_open == ("fake:local:e1 waits for its turn.",)


async def test_a_message_that_waits_for_a_seat_says_so(store: MemoryStore) -> None:
    for n in range(4):
        await store.turns.accept(message(f"e{n}"), Route(f"role{n}"), at(n))
    first, second = (await store.turns.claim(WORKER, 9, LEASE, at(4), 2)).turns
    (waiting,) = (await _follow(store, "e2")).is_open
    await finish(store, first)
    (less,) = (await _follow(store, "e2")).is_open
    await finish(store, second)
    (free,) = (await _follow(store, "e2")).is_open

    seat = "fake:local:e2 waits for a seat: its person has"
    assert waiting == f"{seat} 2 other turns running (turns.per_person)."
    assert less == f"{seat} 1 other turn running (turns.per_person)."
    assert free == "fake:local:e2 waits for its turn."


async def test_a_turn_that_waits_for_a_seat_again_says_so(store: MemoryStore) -> None:
    for n in range(2):
        await store.turns.accept(message(f"e{n}"), Route(f"role{n}"), at(n))
    (first,) = (await store.turns.claim(WORKER, 9, LEASE, at(4), 1)).turns
    await store.turns.postpone(first.ref, at(60), "RetryLater: later", None, at(4))
    await store.turns.claim(WORKER, 9, LEASE, at(5), 1)
    (resting,) = (await _follow(store, "e0")).is_open
    await store.turns.claim(WORKER, 9, LEASE, at(61), 1)
    (parked,) = (await _follow(store, "e0")).is_open

    assert resting == f"turn-1 waits for retry at {at(60).isoformat()}: RetryLater: later"
    assert parked == (
        "turn-1 waits for a seat: its person has 1 other turn running (turns.per_person)."
    )


async def test_a_withdrawn_message_is_over(store: MemoryStore) -> None:
    await say(store, "e1")
    assert await store.turns.withdraw(replace(message("e1:gone"), target="e1"), at(0))

    assert (await _follow(store, "e1")).is_open == ()


async def test_a_turn_tells_with_whom_it_is_and_what_it_waits_for(store: MemoryStore) -> None:
    turn = await start_turn(store, "e1")
    (running,) = (await _follow(store, "e1")).is_open
    error = "RuntimeUnavailable: Letta answered with HTTP 502."
    await store.turns.postpone(turn.ref, at(5), error, None, at(1))
    (postponed,) = (await _follow(store, "e1")).is_open
    await claim_turn(store, 6)
    await store.turns.recover(at(7), predecessor=WORKER)
    (lost,) = (await _follow(store, "e1")).is_open

    assert running == f'turn-1 is being answered: attempt 1 by "local" since {at(0).isoformat()}.'
    assert postponed == (
        f"turn-1 waits for retry at {at(5).isoformat()}: "
        "RuntimeUnavailable: Letta answered with HTTP 502."
    )
    assert lost == "turn-1 waits for a worker: the one that had it is gone."


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (
            SendLater(at(2), "RateLimited: wait 2.4 s."),
            f"waits for retry at {at(2).isoformat()}: RateLimited: wait 2.4 s.",
        ),
        (
            SendUnknown(at(9), "OutcomeUnknown: away"),
            f"is to be looked for on its platform at {at(9).isoformat()}: OutcomeUnknown: away",
        ),
        (SendFailed("DeliveryRefused: gone"), "was given up: DeliveryRefused: gone"),
    ],
)
async def test_a_send_tells_when_it_is_tried_again_and_why(
    store: MemoryStore, outcome: SendOutcome, said: str
) -> None:
    turn = await start_turn(store, "e1")
    await finish(store, turn, part(turn, 0))
    await settle(store, await claim_post(store), outcome)

    assert (await _follow(store, "turn-1")).is_open == (f"turn-1.0 {said}",)


async def test_a_failed_turn_says_why(store: MemoryStore) -> None:
    turn = await start_turn(store, "e1")
    failed = TurnOutcome(TurnState.FAILED, (), "RunFailed: no money left")
    await store.turns.finish(turn.ref, failed, at(0))

    assert (await _follow(store, "e1")).is_open == (
        "turn-1 was given up: RunFailed: no money left",
    )


async def test_an_event_id_that_several_messages_have_has_to_be_told_apart(
    store: MemoryStore,
) -> None:
    await say(store, "e1")
    elsewhere = replace(message("e1"), conversation=place("a", platform="fakery"))
    await store.turns.accept(elsewhere, ROUTE, at(0))

    with pytest.raises(BadInput, match='"fake:local:e1", "fakery:local:e1"'):
        await _follow(store, "e1")

    assert {entry.ref for entry in (await _follow(store, "fakery:local:e1")).entries} == {
        "fakery:local:e1"
    }


async def test_a_slot_leads_to_its_turn(store: MemoryStore) -> None:
    await store.turns.accept(wakeup("papers@2026-01-05T09:00:00+00:00"), ROUTE, at(0))
    turn = await claim_turn(store)

    trail = await _follow(store, "papers@2026-01-05T09:00:00+00:00")

    assert trail.entries[-1].ref == turn.ref.id


async def test_an_unknown_thing_is_a_clear_sentence(store: MemoryStore) -> None:
    with pytest.raises(BadInput, match='knows nothing of "turn-99"'):
        await _follow(store, "turn-99")
