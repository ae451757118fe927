"""Turns: claimed in order, one per lane, changed only by whoever holds the newest fence."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gateway.domain.artifacts import Attachment
from gateway.domain.deliveries import Button, SendLater
from gateway.domain.ids import DeliveryId, RunId, WorkerId
from gateway.domain.tools import ToolCall, ToolResult
from gateway.domain.turns import Turn, TurnOutcome, TurnState
from gateway.errors import Fenced
from gateway.ports import Store
from tests.contracts.store.words import (
    LEASE,
    ROUTE,
    WORKER,
    at,
    claim_post,
    claim_turn,
    claim_turns,
    done,
    events,
    finish,
    first_turn_id,
    message,
    part,
    place,
    post,
    say,
    send_all,
    sent_as,
    settle,
    stale,
    start_turn,
)

CALL = ToolCall("call-1", "add", '{"a": 1}')
RESULT = ToolResult("call-1", "2")


async def test_a_turn_carries_its_messages_as_they_were_accepted(store: Store) -> None:
    accepted = await say(store, "e1", now=1)

    turn = await claim_turn(store, now=2)

    assert turn.messages == (message("e1"),)
    assert turn.ref.id == first_turn_id(accepted)
    assert (turn.person, turn.role, turn.conversation) == (accepted.person, "postern", place())
    assert (turn.attempt, turn.started_at) == (1, at(2))
    assert (turn.runs, turn.tool_results, turn.drafts) == ((), (), 0)


async def test_waiting_messages_become_one_turn_in_order(store: Store) -> None:
    for n in range(5):
        await say(store, f"e{n}")

    turn = await claim_turn(store)

    assert events(turn) == ["e0", "e1", "e2", "e3", "e4"]


async def test_a_turn_takes_at_most_fifty_messages_and_the_rest_follow(store: Store) -> None:
    await asyncio.gather(*(say(store, f"e{n:02}") for n in range(60)))
    first = await claim_turn(store)
    await finish(store, first)

    second = await claim_turn(store)

    assert events(first) == [f"e{n:02}" for n in range(50)]
    assert events(second) == [f"e{n:02}" for n in range(50, 60)]


async def test_a_turn_is_of_one_conversation_the_oldest_first(store: Store) -> None:
    for event, channel in (("e1", "c1"), ("e2", "c2"), ("e3", "c1")):
        await store.turns.accept(message(event, channel=channel), ROUTE, at(0))

    first = await claim_turn(store)
    await finish(store, first)
    second = await claim_turn(store)

    assert (first.conversation, events(first)) == (place("c1"), ["e1", "e3"])
    assert (second.conversation, events(second)) == (place("c2"), ["e2"])


async def test_a_lane_has_one_turn_at_a_time(store: Store) -> None:
    await start_turn(store, "e1")
    await say(store, "e2")

    assert await claim_turns(store) == ()


async def test_a_lane_is_claimed_once_by_many_at_once(store: Store) -> None:
    await say(store, "e1")

    claims = await asyncio.gather(*(claim_turns(store) for _ in range(20)))

    assert sum(len(turns) for turns in claims) == 1


async def test_lanes_are_claimed_oldest_first_up_to_the_limit(store: Store) -> None:
    for n, user in enumerate(("zoe", "ada", "bob")):
        await store.turns.accept(message(user, user=user), ROUTE, at(n))

    claim = await store.turns.claim(WORKER, 2, LEASE, at(5))

    assert [events(turn) for turn in claim.turns] == [["zoe"], ["ada"]]
    assert claim.next_ready_at == at(2)


async def test_a_claim_of_nothing_has_nothing_to_wait_for(store: Store) -> None:
    claim = await store.turns.claim(WORKER, 10, LEASE, at(0))

    assert claim.turns == ()
    assert claim.next_ready_at is None


async def test_a_message_accepted_during_a_turn_is_in_the_next(store: Store) -> None:
    turn = await start_turn(store, "e1")
    await say(store, "e2")
    store.turn_ready.clear()

    await finish(store, turn)

    assert store.turn_ready.is_set()
    assert events(await claim_turn(store)) == ["e2"]


async def test_a_message_accepted_as_the_turn_ends_is_never_forgotten(store: Store) -> None:
    for n in range(30):
        turn = await start_turn(store, f"e{n}")

        await asyncio.gather(finish(store, turn), say(store, f"late{n}"))

        late = await claim_turn(store)
        assert events(late) == [f"late{n}"]
        await finish(store, late)


async def test_an_ended_turn_leaves_its_lane_idle(store: Store) -> None:
    turn = await start_turn(store)
    store.turn_ready.clear()

    await finish(store, turn)

    assert not store.turn_ready.is_set()
    assert await claim_turns(store) == ()


async def test_deliveries_are_stored_with_the_end_of_the_turn(store: Store) -> None:
    turn = await start_turn(store)

    await finish(store, turn, part(turn, 0, "one"), part(turn, 1, "two"))

    assert store.delivery_ready.is_set()
    assert [text for _, text in await send_all(store)] == ["one", "two"]


async def test_a_turn_can_end_as_failed_or_cancelled_with_a_sentence(store: Store) -> None:
    for event, state in (("e1", TurnState.FAILED), ("e2", TurnState.CANCELLED)):
        turn = await start_turn(store, event)
        outcome = TurnOutcome(state, (part(turn, 0, event),), error="it broke")
        await store.turns.finish(turn.ref, outcome, at(0))

    assert [text for _, text in await send_all(store)] == ["e1", "e2"]
    assert (await store.history.counts()).turns_failed == 1


async def test_a_turn_can_not_end_as_running(store: Store) -> None:
    turn = await start_turn(store)

    with pytest.raises(ValueError, match="running"):
        await store.turns.finish(turn.ref, TurnOutcome(TurnState.RUNNING), at(0))

    await finish(store, turn)


async def test_a_postponed_turn_comes_again_unchanged(store: Store) -> None:
    turn = await start_turn(store)
    await say(store, "e2", now=1)

    await store.turns.postpone(turn.ref, at(60), "no answer", None, at(2))

    assert await claim_turns(store, now=59) == ()
    again = await claim_turn(store, now=60)
    newer = replace(turn.ref, fence=again.ref.fence)
    assert again == replace(turn, ref=newer, attempt=2, was_postponed=True)
    assert again.ref.fence > turn.ref.fence


async def test_a_message_does_not_wake_a_postponed_turn(store: Store) -> None:
    turn = await start_turn(store)
    await store.turns.postpone(turn.ref, at(60), "no answer", None, at(2))

    await say(store, "e2", now=3)

    claim = await store.turns.claim(WORKER, 10, LEASE, at(4))
    assert claim.turns == ()
    assert claim.next_ready_at == at(60)


async def test_what_waited_behind_a_postponed_turn_follows_it(store: Store) -> None:
    turn = await start_turn(store, "e1")
    await store.turns.postpone(turn.ref, at(60), "no answer", None, at(2))
    await say(store, "e2", now=3)
    await finish(store, await claim_turn(store, now=60), now=61)

    assert events(await claim_turn(store, now=61)) == ["e2"]


async def test_postponing_signals_that_there_is_a_moment_to_wait_for(store: Store) -> None:
    turn = await start_turn(store)
    store.turn_ready.clear()

    await store.turns.postpone(turn.ref, at(60), "no answer", None, at(2))

    assert store.turn_ready.is_set()


async def test_a_postponed_turn_is_noticed_at_most_once(store: Store) -> None:
    turn = await start_turn(store)
    await store.turns.postpone(turn.ref, at(1), "no answer", post("late-1"), at(0))
    again = await claim_turn(store, now=1)
    await store.turns.postpone(again.ref, at(2), "no answer", post("late-2"), at(1))

    assert (turn.was_noticed, again.was_noticed) == (False, True)
    assert [delivery for delivery, _ in await send_all(store, now=2)] == ["late-1"]


async def test_a_notice_that_is_outdated_before_it_was_sent_goes_no_more(store: Store) -> None:
    turn = await _noticed(store)
    await settle(store, await claim_post(store, now=1), SendLater(at(60), "away"), now=1)

    await _answer(store, turn, now=2)

    assert await send_all(store, now=2) == [("answer", "text of answer")]
    assert await store.deliveries.get("late") is None


async def test_a_notice_that_is_on_its_way_is_taken_back_after_it(store: Store) -> None:
    turn = await _noticed(store)
    notice = await claim_post(store, now=1)

    await _answer(store, turn, now=2)
    await settle(store, notice, sent_as("p1"), now=3)

    assert await send_all(store, now=3) == [("late", ""), ("answer", "text of answer")]


async def test_a_notice_that_was_sent_stays(store: Store) -> None:
    turn = await _noticed(store)
    await send_all(store, now=1)

    await _answer(store, turn, now=2)

    assert await send_all(store, now=2) == [("answer", "text of answer")]


async def _noticed(store: Store) -> Turn:
    """Return a turn whose person is about to be told that its answer is late."""
    turn = await start_turn(store)
    await store.turns.postpone(turn.ref, at(1), "no answer", post("late"), at(0))
    return await claim_turn(store, now=1)


async def _answer(store: Store, turn: Turn, now: float) -> None:
    outcome = replace(done(post("answer")), outdated=(DeliveryId("late"),))
    await store.turns.finish(turn.ref, outcome, at(now))


async def test_a_lost_lease_does_not_count_as_postponed(store: Store) -> None:
    await start_turn(store)
    await store.turns.recover(at(1), predecessor=WORKER)
    lost = await claim_turn(store, now=1)
    await store.turns.postpone(lost.ref, at(2), "no answer", None, at(1))
    postponed = await claim_turn(store, now=2)
    await store.turns.recover(at(3), predecessor=WORKER)
    again = await claim_turn(store, now=3)

    seen = [(turn.attempt, turn.was_postponed) for turn in (lost, postponed, again)]
    assert seen == [(2, False), (3, True), (4, True)]


async def test_runs_are_remembered_by_round(store: Store) -> None:
    turn = await start_turn(store)
    await store.turns.record_run(turn.ref, 0, RunId("run-a"))
    await store.turns.record_run(turn.ref, 1, RunId("run-b"))
    await store.turns.record_run(turn.ref, 1, RunId("run-c"))

    again = await _lose_and_claim(store)

    assert again.runs == ("run-a", "run-c")


async def test_a_round_without_one_before_it_is_a_bug(store: Store) -> None:
    turn = await start_turn(store)

    with pytest.raises(ValueError, match="Round 1"):
        await store.turns.record_run(turn.ref, 1, RunId("run-b"))

    assert (await _lose_and_claim(store)).runs == ()


async def test_tool_results_are_journaled_and_the_first_one_stays(store: Store) -> None:
    turn = await start_turn(store)
    await store.turns.record_tool_result(turn.ref, CALL, RESULT)
    await store.turns.record_tool_result(turn.ref, CALL, replace(RESULT, text="3"))
    second = ToolResult("call-0", "broken", is_error=True)
    await store.turns.record_tool_result(turn.ref, replace(CALL, id="call-0"), second)

    again = await _lose_and_claim(store)

    assert again.tool_results == (RESULT, second)


async def test_a_lost_turn_comes_again_with_the_same_messages(store: Store) -> None:
    turn = await start_turn(store, "e1")
    await say(store, "e2")

    again = await _lose_and_claim(store)

    assert (again.ref.id, again.messages, again.attempt) == (turn.ref.id, turn.messages, 2)


async def test_recover_takes_only_leases_that_are_over(store: Store) -> None:
    turn = await start_turn(store)
    await store.turns.extend([turn.ref], LEASE, at(20))

    assert await store.turns.recover(at(49)) == 0
    assert await store.turns.recover(at(50)) == 1
    assert await store.turns.recover(at(50)) == 0


async def test_a_successor_takes_over_at_once_what_its_predecessor_held(store: Store) -> None:
    await start_turn(store)
    store.turn_ready.clear()

    assert await store.turns.recover(at(1), predecessor=WorkerId("other")) == 0
    assert await store.turns.recover(at(1), predecessor=WORKER) == 1
    assert store.turn_ready.is_set()


async def test_extending_names_the_turns_that_are_lost(store: Store) -> None:
    kept, lost = await start_turn(store, "e1"), stale(await _another(store))

    assert list(await store.turns.extend([kept.ref, lost], LEASE, at(1))) == [lost]


async def test_a_zombie_changes_nothing(store: Store) -> None:
    zombie = await start_turn(store)
    again = await _lose_and_claim(store)
    turns = store.turns

    for change in (
        turns.finish(zombie.ref, done(part(zombie, 0)), at(1)),
        turns.postpone(zombie.ref, at(9), "late", post("late"), at(1)),
        turns.record_run(zombie.ref, 0, RunId("run-x")),
        turns.record_tool_result(zombie.ref, CALL, RESULT),
        turns.open_draft(zombie.ref, part(zombie, 0, is_draft=True), at(1)),
    ):
        with pytest.raises(Fenced):
            await change

    assert await send_all(store) == []
    unchanged = await _lose_and_claim(store, now=200)
    assert replace(unchanged, ref=again.ref, attempt=2) == again


async def test_a_turn_that_was_recovered_is_fenced_before_it_is_claimed(store: Store) -> None:
    turn = await start_turn(store)
    await store.turns.recover(at(0), predecessor=WORKER)

    with pytest.raises(Fenced):
        await finish(store, turn, part(turn, 0))


async def test_a_turn_ends_once(store: Store) -> None:
    turn = await start_turn(store)
    await finish(store, turn, part(turn, 0))

    with pytest.raises(Fenced):
        await finish(store, turn, part(turn, 1))

    assert len(await send_all(store)) == 1


async def test_a_fenced_call_does_not_disturb_its_neighbours(store: Store) -> None:
    turn = await start_turn(store)

    results = await asyncio.gather(
        *(say(store, f"more{n}") for n in range(10)),
        store.turns.finish(stale(turn), done(part(turn, 0)), at(0)),
        finish(store, turn, part(turn, 0)),
        *(say(store, f"yet{n}") for n in range(10)),
        return_exceptions=True,
    )

    assert [type(result) for result in results if isinstance(result, Exception)] == [Fenced]
    assert len(events(await claim_turn(store))) == 20
    assert len(await send_all(store)) == 1


async def _another(store: Store) -> Turn:
    await store.turns.accept(message("b1", user="bob"), ROUTE, at(0))
    return await claim_turn(store)


async def _lose_and_claim(store: Store, now: float = 100) -> Turn:
    assert await store.turns.recover(at(now)) == 1
    return await claim_turn(store, now)


async def test_a_call_that_was_begun_is_known_until_its_result_is(store: Store) -> None:
    turn = await start_turn(store)
    await store.turns.intend_tool_call(turn.ref, CALL)
    await store.turns.intend_tool_call(turn.ref, CALL)
    await store.turns.recover(at(60))
    begun = await claim_turn(store, 60)

    await store.turns.record_tool_result(begun.ref, CALL, RESULT)
    await store.turns.intend_tool_call(begun.ref, CALL)
    await store.turns.recover(at(120))
    done_call = await claim_turn(store, 120)

    assert (begun.tool_intents, begun.tool_results) == (("call-1",), ())
    assert (done_call.tool_intents, done_call.tool_results) == ((), (RESULT,))


async def test_only_the_owner_may_begin_a_call(store: Store) -> None:
    turn = await start_turn(store)

    with pytest.raises(Fenced):
        await store.turns.intend_tool_call(stale(turn), CALL)


async def test_a_result_keeps_its_buttons_and_files(store: Store) -> None:
    turn = await start_turn(store)
    rich = replace(
        RESULT, buttons=(Button("Yes", "yes"),), files=(Attachment("a.txt", "text/plain", 3, "k"),)
    )

    await store.turns.record_tool_result(turn.ref, CALL, rich)
    await store.turns.recover(at(60))

    assert (await claim_turn(store, 60)).tool_results == (rich,)
