"""Drafts: shown while the agent speaks, made final by the commit that ends the turn."""

from __future__ import annotations

from gateway.domain.deliveries import DeliveryState, SendFailed, SendLater, SendUnknown
from gateway.domain.turns import Turn
from gateway.ports import Store
from tests.contracts.store.words import (
    WORKER,
    at,
    claim_post,
    claim_posts,
    claim_turn,
    finish,
    part,
    post,
    send_all,
    sent_as,
    settle,
    start_turn,
)


async def _draft(store: Store, turn: Turn, index: int = 0) -> None:
    await store.turns.open_draft(turn.ref, part(turn, index, "…", is_draft=True), at(0))


async def _start(store: Store) -> Turn:
    turn = await start_turn(store)
    await _draft(store, turn)
    return turn


async def test_a_draft_is_sent_before_the_turn_ends(store: Store) -> None:
    turn = await _start(store)

    draft = await claim_post(store)

    assert store.delivery_ready.is_set()
    assert (draft.is_draft, draft.text, draft.turn, draft.index) == (True, "…", turn.ref.id, 0)


async def test_a_draft_is_opened_once(store: Store) -> None:
    turn = await _start(store)
    await _draft(store, turn)

    assert len(await send_all(store)) == 1


async def test_a_turn_that_comes_again_knows_how_many_drafts_it_opened(store: Store) -> None:
    turn = await _start(store)
    await _draft(store, turn, 1)

    await store.turns.recover(at(1), predecessor=WORKER)

    assert (await claim_turn(store, now=1)).drafts == 2


async def test_a_sent_draft_blocks_nothing(store: Store) -> None:
    await _start(store)
    await send_all(store)

    await store.deliveries.enqueue([post("other")], at(0))

    assert (await claim_post(store)).id == "other"


async def test_the_final_text_edits_what_the_draft_showed(store: Store) -> None:
    turn = await _start(store)
    await settle(store, await claim_post(store), sent_as("p1"))
    store.delivery_ready.clear()

    await finish(store, turn, part(turn, 0, "final"))

    assert store.delivery_ready.is_set()
    edit = await claim_post(store)
    assert (edit.text, edit.receipt, edit.revision) == ("final", "p1", 2)
    assert (edit.is_draft, edit.state, edit.attempts) == (False, DeliveryState.SENDING, 1)
    await settle(store, edit, sent_as("p1"))
    assert await claim_posts(store) == ()


async def test_a_draft_that_was_not_sent_yet_is_sent_with_its_final_text(store: Store) -> None:
    turn = await _start(store)

    await finish(store, turn, part(turn, 0, "final"), part(turn, 1, "more"))

    assert [text for _, text in await send_all(store)] == ["final", "more"]


async def test_a_draft_in_flight_when_its_turn_ends_is_edited_afterwards(store: Store) -> None:
    turn = await _start(store)
    draft = await claim_post(store)
    await finish(store, turn, part(turn, 0, "final"))
    assert await claim_posts(store) == ()

    await settle(store, draft, sent_as("p1"))

    edit = await claim_post(store)
    assert (edit.text, edit.receipt, edit.state) == ("final", "p1", DeliveryState.SENDING)


async def test_a_draft_that_the_platform_refused_is_tried_with_its_final_text(
    store: Store,
) -> None:
    turn = await _start(store)
    await settle(store, await claim_post(store), SendFailed("no"))

    await finish(store, turn, part(turn, 0, "final"))

    assert (await claim_post(store)).text == "final"


async def test_a_refused_old_text_does_not_fail_the_new_one(store: Store) -> None:
    turn = await _start(store)
    draft = await claim_post(store)
    await finish(store, turn, part(turn, 0, "final"))

    await settle(store, draft, SendFailed("no"))

    final = await claim_post(store)
    assert (final.text, final.attempts) == ("final", 1)


async def test_a_refused_repeat_leaves_open_whether_the_first_try_is_there(store: Store) -> None:
    turn = await _start(store)
    await settle(store, await claim_post(store), SendUnknown(at(0), "cut"))
    repeat = await claim_post(store)
    await finish(store, turn, part(turn, 0, "final"))

    await settle(store, repeat, SendFailed("no"))

    assert (await claim_post(store)).state is DeliveryState.UNKNOWN


async def test_a_draft_that_failed_after_several_tries_is_looked_for(store: Store) -> None:
    turn = await _start(store)
    await settle(store, await claim_post(store), SendUnknown(at(0), "cut"))
    await settle(store, await claim_post(store), SendFailed("no"))

    await finish(store, turn, part(turn, 0, "final"))

    assert (await claim_post(store)).state is DeliveryState.UNKNOWN


async def test_a_final_text_waits_as_long_as_the_platform_asked(store: Store) -> None:
    turn = await _start(store)
    await settle(store, await claim_post(store), SendLater(at(9), "slow down"))

    await finish(store, turn, part(turn, 0, "final"))

    assert await claim_posts(store, now=8) == ()
    assert (await claim_post(store, now=9)).text == "final"


async def test_a_draft_with_an_unknown_outcome_is_resolved_first(store: Store) -> None:
    turn = await _start(store)
    await settle(store, await claim_post(store), SendUnknown(at(0), "timeout"))

    await finish(store, turn, part(turn, 0, "final"))

    unknown = await claim_post(store)
    assert (unknown.state, unknown.text, unknown.revision) == (DeliveryState.UNKNOWN, "final", 2)


async def test_a_draft_lost_in_flight_is_resolved_first(store: Store) -> None:
    turn = await _start(store)
    await claim_post(store)
    await store.deliveries.recover(at(1), predecessor=WORKER)

    await finish(store, turn, part(turn, 0, "final"), now=1)

    assert (await claim_post(store, now=1)).state is DeliveryState.UNKNOWN


async def test_a_spare_draft_that_nobody_saw_is_dropped(store: Store) -> None:
    turn = await _start(store)
    await _draft(store, turn, 1)

    await finish(store, turn, part(turn, 0, "final"))

    assert [text for _, text in await send_all(store)] == ["final"]
    assert await store.deliveries.get(f"{turn.ref.id}.1") is None


async def test_a_dropped_draft_leaves_no_conversation_waiting(store: Store) -> None:
    turn = await _start(store)

    await finish(store, turn)

    claim = await store.deliveries.claim(WORKER, ["fake"], 9, turn.started_at - at(0), at(0))
    assert (claim.deliveries, claim.next_ready_at) == ((), None)


async def test_a_spare_draft_that_was_shown_is_taken_back(store: Store) -> None:
    turn = await _start(store)
    await settle(store, await claim_post(store), sent_as("p1"))

    await finish(store, turn)

    back = await claim_post(store)
    assert (back.text, back.receipt, back.is_draft) == ("", "p1", False)
    await settle(store, back, sent_as("p1"))
    assert await claim_posts(store) == ()


async def test_a_spare_draft_that_may_be_shown_is_taken_back(store: Store) -> None:
    turn = await _start(store)
    draft = await claim_post(store)
    await finish(store, turn)

    await settle(store, draft, SendUnknown(at(0), "timeout"))

    back = await claim_post(store)
    assert (back.text, back.state) == ("", DeliveryState.UNKNOWN)


async def test_an_older_message_that_is_edited_is_no_obstacle_to_the_one_in_flight(
    store: Store,
) -> None:
    turn = await _start(store)
    await settle(store, await claim_post(store), sent_as("p1"))
    await store.deliveries.enqueue([post("later")], at(0))
    in_flight = await claim_post(store)
    await finish(store, turn, part(turn, 0, "final"))

    await store.deliveries.recover(at(1), predecessor=WORKER)

    assert in_flight.id == "later"
    assert [text for _, text in await send_all(store, now=1)] == ["final", "text of later"]
    stored = await store.deliveries.get("later")
    assert stored is not None
    assert stored.attempts == 0


async def test_our_own_words_never_replace_a_draft_by_their_place(store: Store) -> None:
    turn = await _start(store)
    await settle(store, await claim_post(store), sent_as("p1"))

    await finish(store, turn, part(turn, 0, "half an answer"), post("sorry"))

    assert [text for _, text in await send_all(store)] == ["half an answer", "text of sorry"]


async def test_an_answer_may_have_the_id_of_its_draft_and_no_turn(store: Store) -> None:
    turn = await _start(store)

    await finish(store, turn, post(f"{turn.ref.id}.0", text="final"))

    assert [text for _, text in await send_all(store)] == ["final"]
