"""Messages that are edited or taken back while they wait, and what travels with a message."""

from __future__ import annotations

from dataclasses import replace

from gateway.domain.artifacts import Attachment
from gateway.domain.messages import InboundMessage, MessageKind
from gateway.ports import Store
from tests.contracts.store.words import (
    LEASE,
    QUIET,
    ROUTE,
    WORKER,
    at,
    claim_post,
    claim_turn,
    claim_turns,
    events,
    finish,
    message,
    post,
    say,
    start_turn,
)

PICTURE = Attachment("cat.png", "image/png", 2048, "artifact-1")


def edit(event: str, target: str, *, user: str = "ada") -> InboundMessage:
    said = message(event, user=user, text="new text")
    return replace(said, kind=MessageKind.EDIT, target=target)


def deletion(event: str, target: str, *, user: str = "ada") -> InboundMessage:
    return replace(edit(event, target, user=user), kind=MessageKind.DELETE)


async def _say_with_handle(store: Store, event: str) -> None:
    said = replace(message(event), handle=f"token-{event}")
    await store.turns.accept(said, ROUTE, at(0))


async def test_all_that_came_with_a_message_reaches_the_turn(store: Store) -> None:
    said = replace(
        message("e1"),
        kind=MessageKind.REACTION,
        target="e0",
        handle="token",
        is_private=True,
        attachments=(PICTURE, replace(PICTURE, name="dog.png")),
    )
    await store.turns.accept(replace(said, role="postern"), ROUTE, at(0))

    assert (await claim_turn(store)).messages == (said,)


async def test_all_that_belongs_to_a_delivery_reaches_its_platform(store: Store) -> None:
    new = replace(post("p1"), handle="token", is_private=True, index=3)
    await store.deliveries.enqueue([new], at(0))

    delivery = await claim_post(store)

    assert (delivery.handle, delivery.is_private, delivery.index) == ("token", True, 3)


async def test_an_edit_replaces_the_text_of_what_waits(store: Store) -> None:
    await say(store, "e1")

    assert await store.turns.revise(edit("x1", "e1"), at(1))

    (heard,) = (await claim_turn(store, now=1)).messages
    assert heard == message("e1", text="new text")


async def test_an_edit_comes_too_late_once_the_turn_has_begun(store: Store) -> None:
    turn = await start_turn(store, "e1")

    assert not await store.turns.revise(edit("x1", "e1"), at(1))

    await store.turns.recover(at(1), predecessor=WORKER)
    assert (await claim_turn(store, now=1)).messages == turn.messages


async def test_nobody_edits_what_another_one_wrote(store: Store) -> None:
    await say(store, "e1")

    assert not await store.turns.revise(edit("x1", "e1", user="eve"), at(1))
    assert not await store.turns.revise(edit("x2", "unknown"), at(1))

    assert (await claim_turn(store, now=1)).messages == (message("e1"),)


async def test_an_edit_that_comes_again_after_the_turn_began_is_still_done(store: Store) -> None:
    await say(store, "e1")
    await store.turns.revise(edit("x1", "e1"), at(1))
    await claim_turn(store, now=1)

    assert await store.turns.revise(edit("x1", "e1"), at(2))

    again = await store.turns.accept(edit("x1", "e1"), ROUTE, at(2))
    assert not again.is_new


async def test_an_edit_that_came_before_its_message_is_not_heard_in_both(store: Store) -> None:
    assert not await store.turns.revise(edit("x1", "e1"), at(0))
    await store.turns.accept(edit("x1", "e1"), ROUTE, at(0))
    await store.turns.accept(message("e1"), ROUTE, at(1))

    assert not await store.turns.revise(edit("x1", "e1"), at(2))


async def test_an_edit_is_not_a_line_of_the_history(store: Store) -> None:
    await say(store, "e1")
    await store.turns.revise(edit("x1", "e1"), at(1))

    entries = await store.history.history(message("e1").conversation.id, None, 10)

    assert [entry.text for entry in entries] == ["new text"]


async def test_what_is_taken_back_reaches_no_agent(store: Store) -> None:
    await say(store, "e1")

    assert await store.turns.withdraw(deletion("x1", "e1"), at(1))

    claim = await store.turns.claim(WORKER, 10, LEASE, at(1))
    assert (claim.turns, claim.next_ready_at) == ((), None)
    assert not (await say(store, "e1")).is_new
    assert await store.history.answer(message("e1")) is None


async def test_taking_back_one_leaves_the_others(store: Store) -> None:
    await say(store, "e1")
    await say(store, "e2", now=1)

    await store.turns.withdraw(deletion("x1", "e1"), at(1))

    assert events(await claim_turn(store, now=1)) == ["e2"]


async def test_nobody_takes_back_what_another_one_wrote(store: Store) -> None:
    await say(store, "e1")

    assert not await store.turns.withdraw(deletion("x1", "e1", user="eve"), at(1))

    assert events(await claim_turn(store, now=1)) == ["e1"]


async def test_it_is_too_late_to_take_back_what_the_agent_heard(store: Store) -> None:
    await start_turn(store, "e1")

    assert not await store.turns.withdraw(deletion("x1", "e1"), at(1))


async def test_what_is_taken_back_during_a_turn_leaves_nothing_to_do(store: Store) -> None:
    turn = await start_turn(store, "e1")
    await say(store, "e2")
    await store.turns.withdraw(deletion("x1", "e2"), at(1))
    store.turn_ready.clear()

    await finish(store, turn, now=2)

    assert not store.turn_ready.is_set()
    assert await claim_turns(store, now=2) == ()


async def test_what_comes_after_one_was_taken_back_has_its_own_window(store: Store) -> None:
    await say(store, "e1", now=0, route=QUIET)
    await store.turns.withdraw(deletion("x1", "e1"), at(1))

    await say(store, "e2", now=4, route=QUIET)

    claim = await store.turns.claim(WORKER, 10, LEASE, at(4))
    assert (claim.turns, claim.next_ready_at) == ((), at(6))


async def test_a_message_with_a_handle_is_a_turn_by_itself(store: Store) -> None:
    await say(store, "e1")
    await say(store, "e2")
    await _say_with_handle(store, "h1")
    await _say_with_handle(store, "h2")
    await say(store, "e3")

    heard: list[list[str]] = []
    while turns := await claim_turns(store):
        heard += [events(turn) for turn in turns]
        await finish(store, turns[0])

    assert heard == [["e1", "e2"], ["h1"], ["h2"], ["e3"]]
