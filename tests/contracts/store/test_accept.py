"""Messages in: stored once, and their lanes made ready at the right moment."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from gateway.domain.audit import AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.people import Route, person_id_of
from gateway.ports import Store
from tests.contracts.store.words import (
    LEASE,
    QUIET,
    ROUTE,
    SHARED,
    WORKER,
    at,
    claim_turn,
    claim_turns,
    events,
    finish,
    identity,
    message,
    place,
    refusal,
    say,
    send_all,
    start_turn,
)


async def test_an_accepted_message_says_whose_it_is(store: Store) -> None:
    accepted = await store.turns.accept(message("e1"), ROUTE, at(0))

    assert accepted.is_new
    assert accepted.person == person_id_of(identity())


async def test_a_stranger_becomes_a_person_with_the_name_that_was_shown(store: Store) -> None:
    accepted = await say(store, "e1")

    person = await store.people.find_person(identity())
    assert person is not None
    assert (person.id, person.name) == (accepted.person, "Ada")
    assert await store.people.get_person(accepted.person) == person


async def test_an_event_delivered_a_hundred_times_is_one_message(store: Store) -> None:
    accepted = [await say(store, "e1") for _ in range(100)]

    assert [a.is_new for a in accepted].count(True) == 1
    assert {a.sequence for a in accepted} == {accepted[0].sequence}
    assert events(await claim_turn(store)) == ["e1"]


async def test_an_event_delivered_a_hundred_times_at_once_is_one_message(store: Store) -> None:
    accepted = await asyncio.gather(*(say(store, "e1") for _ in range(100)))

    assert [a.is_new for a in accepted].count(True) == 1
    assert len({(a.sequence, a.person) for a in accepted}) == 1
    assert events(await claim_turn(store)) == ["e1"]


async def test_a_repeat_after_the_turn_wakes_nobody(store: Store) -> None:
    await finish(store, await start_turn(store, "e1"))
    store.turn_ready.clear()

    again = await say(store, "e1")

    assert not again.is_new
    assert not store.turn_ready.is_set()
    assert await claim_turns(store) == ()


async def test_the_same_event_id_in_another_workspace_is_another_message(store: Store) -> None:
    here = message("e1")
    there = replace(here, conversation=Conversation("fake", "elsewhere", "c1"))

    first = await store.turns.accept(here, ROUTE, at(0))
    second = await store.turns.accept(there, ROUTE, at(0))

    assert first.is_new
    assert second.is_new


async def test_sequence_numbers_grow_in_the_order_of_acceptance(store: Store) -> None:
    accepted = [await say(store, f"e{n}") for n in range(20)]

    sequences = [a.sequence for a in accepted]
    assert sequences == sorted(set(sequences))


async def test_messages_accepted_at_once_are_all_there_once(store: Store) -> None:
    names = [f"e{n}" for n in range(300)]

    accepted = await asyncio.gather(
        *(store.turns.accept(message(n, user=n, channel=n), ROUTE, at(0)) for n in names)
    )

    turns = await claim_turns(store, limit=1000)
    assert len({a.sequence for a in accepted}) == 300
    assert sorted(event for turn in turns for event in events(turn)) == sorted(names)


async def test_a_stranger_who_says_much_at_once_is_met_once(store: Store) -> None:
    accepted = await asyncio.gather(
        *(store.turns.accept(message(f"e{n % 3}"), ROUTE, at(0)) for n in range(9))
    )

    met = [e for e in await store.history.audit(0, 100) if e.kind is AuditKind.PERSON_MET]
    assert [met[0].subject] == [e.subject for e in met] == list({a.person for a in accepted})
    assert sum(a.is_new for a in accepted) == 3
    assert len({a.sequence for a in accepted}) == 3


async def test_bursts_with_windows_of_their_own_are_ready_when_each_is(store: Store) -> None:
    quiet = replace(QUIET, role="quiet")
    routes = [ROUTE, quiet, replace(QUIET, role="capped", max_wait_seconds=1)]
    await asyncio.gather(
        *(store.turns.accept(message(f"e{n}"), route, at(0)) for n, route in enumerate(routes))
    )

    ready = [len(await claim_turns(store, now=second)) for second in (0, 1, 2)]

    assert ready == [1, 1, 1]


async def test_an_accepted_message_signals_its_lane(store: Store) -> None:
    assert not store.turn_ready.is_set()

    await say(store, "e1")

    assert store.turn_ready.is_set()


async def test_an_idle_lane_is_ready_at_once(store: Store) -> None:
    await say(store, "e1", now=3)

    assert events(await claim_turn(store, now=3)) == ["e1"]


async def test_a_quiet_lane_waits_until_nothing_more_comes(store: Store) -> None:
    await say(store, "e1", now=0, route=QUIET)
    await say(store, "e2", now=1.5, route=QUIET)

    early = await store.turns.claim(WORKER, 10, LEASE, at(3.4))
    assert early.turns == ()
    assert early.next_ready_at == at(3.5)
    assert events(await claim_turn(store, now=3.5)) == ["e1", "e2"]


async def test_the_first_message_of_a_burst_never_waits_longer_than_the_cap(store: Store) -> None:
    for second in range(5):
        await say(store, f"e{second}", now=second, route=QUIET)

    assert await claim_turns(store, now=4.9) == ()
    assert len(events(await claim_turn(store, now=5))) == 5


async def test_a_burst_during_a_turn_has_its_own_quiet_window(store: Store) -> None:
    turn = await start_turn(store)
    await say(store, "e2", now=10, route=QUIET)
    await finish(store, turn, now=10.5)

    claim = await store.turns.claim(WORKER, 10, LEASE, at(11))

    assert claim.turns == ()
    assert claim.next_ready_at == at(12)


async def test_a_role_is_a_lane_of_its_own(store: Store) -> None:
    await store.turns.accept(message("e1"), Route("postern"), at(0))
    await store.turns.accept(message("e2"), Route("researcher"), at(0))

    turns = await claim_turns(store)

    assert {(turn.role, events(turn)[0]) for turn in turns} == {
        ("postern", "e1"),
        ("researcher", "e2"),
    }


async def test_a_shared_agent_has_a_lane_for_each_conversation(store: Store) -> None:
    await store.turns.accept(message("e1", user="ada"), SHARED, at(0))
    await store.turns.accept(message("e2", user="bob"), SHARED, at(0))
    await store.turns.accept(message("e3", user="ada", channel="c2"), SHARED, at(0))

    turns = await claim_turns(store)

    assert [(turn.conversation, events(turn)) for turn in turns] == [
        (place("c1"), ["e1", "e2"]),
        (place("c2"), ["e3"]),
    ]


async def test_a_refused_message_reaches_no_agent(store: Store) -> None:
    accepted = await store.turns.refuse(refusal("e1"), at(0))

    assert accepted.is_new
    assert await claim_turns(store) == ()
    assert await store.people.find_person(identity()) is None


async def test_a_refusal_is_answered_once(store: Store) -> None:
    first = await store.turns.refuse(refusal("e1"), at(0))
    second = await store.turns.refuse(refusal("e1"), at(0))

    assert (first.is_new, second.is_new) == (True, False)
    assert first.sequence == second.sequence
    assert await send_all(store) == [("reply-e1", "text of reply-e1")]


async def test_an_event_that_was_refused_is_not_accepted_later(store: Store) -> None:
    await store.turns.refuse(refusal("e1"), at(0))

    again = await say(store, "e1")

    assert not again.is_new
    assert await claim_turns(store) == ()


async def test_a_wish_to_pair_is_stored_with_the_reply_that_shows_its_code(store: Store) -> None:
    await store.turns.refuse(refusal("e1", code="hash-1"), at(0))

    (pairing,) = await store.people.pairings(at(0))
    assert (pairing.code_hash, pairing.identity) == ("hash-1", identity())
    assert len(await send_all(store)) == 1


async def test_beyond_the_limit_of_wishes_neither_wish_nor_reply_is_stored(store: Store) -> None:
    for n in range(3):
        await store.turns.refuse(refusal(f"e{n}", code=f"hash-{n}", limit=2), at(0))

    assert [p.code_hash for p in await store.people.pairings(at(0))] == ["hash-0", "hash-1"]
    assert len(await send_all(store)) == 2


async def test_the_limit_counts_the_live_wishes_of_one_identity(store: Store) -> None:
    await store.turns.refuse(refusal("e1", code="hash-1", limit=1), at(0))
    await store.turns.refuse(refusal("e2", code="hash-2", limit=1, user="bob"), at(0))

    await store.turns.refuse(refusal("e3", code="hash-3", limit=1), at(700))

    assert len(await send_all(store, now=700)) == 3


async def test_a_code_that_is_in_use_is_not_given_twice(store: Store) -> None:
    await store.turns.refuse(refusal("e1", code="hash-1"), at(0))
    await store.turns.refuse(refusal("e2", code="hash-1", user="eve"), at(0))

    (pairing,) = await store.people.pairings(at(0))
    assert pairing.identity == identity("ada")
    assert [delivery for delivery, _ in await send_all(store)] == ["reply-e1"]
