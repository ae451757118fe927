"""Messages out: in order per conversation, each settled by whoever claimed it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gateway.domain.artifacts import Attachment
from gateway.domain.canvases import Badge, Canvas, Card, Divider
from gateway.domain.deliveries import (
    Button,
    ButtonStyle,
    DeliveryState,
    SendFailed,
    SendLater,
    SendUnknown,
    number_in,
)
from gateway.domain.ids import DeliveryId, WorkerId
from gateway.errors import Fenced
from gateway.ports import Store
from tests.contracts.store.words import (
    LEASE,
    PLATFORM,
    WORKER,
    at,
    claim_post,
    claim_posts,
    finish,
    part,
    place,
    post,
    send_all,
    sent_as,
    settle,
    start_turn,
)

YES_NO = (Button("Yes", "/approve a1", ButtonStyle.GOOD), Button("No \0", "/deny a1"))
PICTURE = Attachment("cat.png", "image/png", 12, "person-1/cat.png")


async def _enqueue(store: Store, *names: str, channel: str = "c1") -> None:
    await store.deliveries.enqueue([post(name, channel=channel) for name in names], at(0))


async def test_a_delivery_is_found_by_its_number_while_it_is_sent_and_after(store: Store) -> None:
    await _enqueue(store, "d1", "d2", "d3")
    await _enqueue(store, "e1", channel="c2")

    one, other = await claim_posts(store)
    await settle(store, one, sent_as("m1"))

    assert (one.id, other.id) == ("d1", "e1")
    for delivery in (one, other):
        assert number_in(delivery.nonce) == delivery.number > 0
        assert await store.deliveries.numbered(delivery.number) == await store.deliveries.get(
            delivery.id
        )
    assert await store.deliveries.numbered(0) is None
    assert await store.deliveries.numbered(2**48 - 1) is None


async def _state(store: Store, delivery: str) -> DeliveryState:
    found = await store.deliveries.get(delivery)
    assert found is not None
    return found.state


async def test_a_proactive_post_is_stored_once(store: Store) -> None:
    assert await store.deliveries.enqueue([post("a"), post("b")], at(0)) == 2
    assert await store.deliveries.enqueue([post("b", text="other"), post("c")], at(0)) == 1

    sent = await send_all(store)
    assert sent == [(name, f"text of {name}") for name in ("a", "b", "c")]


async def test_a_stored_post_is_signalled(store: Store) -> None:
    await _enqueue(store, "a")

    assert store.delivery_ready.is_set()


async def test_a_post_behind_one_that_is_being_sent_wakes_nobody(store: Store) -> None:
    await _enqueue(store, "a")
    first = await claim_post(store)
    store.delivery_ready.clear()

    await _enqueue(store, "b")
    await store.deliveries.revise(DeliveryId("a"), "better", (), at(0))
    while_busy = store.delivery_ready.is_set()
    await settle(store, first, sent_as("p1"))

    assert (while_busy, store.delivery_ready.is_set()) == (False, True)


async def test_a_claimed_delivery_says_what_is_to_be_sent(store: Store) -> None:
    await _enqueue(store, "a")

    delivery = await claim_post(store, now=1)

    assert (delivery.id, delivery.conversation, delivery.text) == ("a", place(), "text of a")
    assert (delivery.state, delivery.attempts) == (DeliveryState.SENDING, 1)
    assert (delivery.created_at, delivery.receipt) == (at(0), None)
    assert await store.deliveries.get("a") == delivery


async def test_a_delivery_carries_its_buttons_and_files(store: Store) -> None:
    await store.deliveries.enqueue([replace(post("a"), buttons=YES_NO, files=(PICTURE,))], at(0))

    delivery = await claim_post(store, now=1)

    assert (delivery.buttons, delivery.files) == (YES_NO, (PICTURE,))
    assert await store.deliveries.get("a") == delivery


async def test_a_sent_message_can_be_revised(store: Store) -> None:
    await store.deliveries.enqueue([replace(post("a"), buttons=YES_NO, files=(PICTURE,))], at(0))
    await settle(store, await claim_post(store), sent_as("p1"))

    assert await store.deliveries.revise(DeliveryId("a"), "You said yes.", (), at(1))

    edit = await claim_post(store, now=1)
    assert (edit.text, edit.receipt, edit.revision) == ("You said yes.", "p1", 2)
    assert (edit.buttons, edit.files) == ((), (PICTURE,))


async def test_a_canvas_is_kept_replaced_and_shown_in_history(store: Store) -> None:
    plan, other = Canvas((Card("Plan", children=(Divider(),)),)), Canvas((Badge("done"),))
    await store.deliveries.enqueue([replace(post("a"), canvas=plan)], at(0))
    posted = await claim_post(store)
    await settle(store, posted, sent_as("p1"))

    assert await store.deliveries.revise(DeliveryId("a"), "done", (), at(1), canvas=other)

    edit = await claim_post(store, now=1)
    (entry,) = await store.history.history(place().id, None, 10)
    assert (posted.canvas, edit.canvas, entry.canvas) == (plan, other, other)
    await settle(store, edit, sent_as("p1"))
    await store.deliveries.revise(DeliveryId("a"), "words again", (), at(2))
    assert (await claim_post(store, now=2)).canvas is None


async def test_a_message_revised_while_it_is_sent_is_edited_after_it(store: Store) -> None:
    await _enqueue(store, "a", "b")
    sending = await claim_post(store)
    assert await store.deliveries.revise(DeliveryId("a"), "newer", YES_NO, at(1))

    await settle(store, sending, sent_as("p1"), now=2)

    edit = await claim_post(store, now=2)
    assert (edit.id, edit.text, edit.receipt, edit.buttons) == ("a", "newer", "p1", YES_NO)


async def test_what_is_not_there_can_not_be_revised(store: Store) -> None:
    turn = await start_turn(store)
    await store.turns.open_draft(turn.ref, part(turn, 0), at(0))

    assert not await store.deliveries.revise(DeliveryId("nothing"), "text", (), at(0))
    assert not await store.deliveries.revise(part(turn, 0).id, "text", (), at(0))


async def test_a_draft_ends_with_the_buttons_of_its_answer(store: Store) -> None:
    turn = await start_turn(store)
    await store.turns.open_draft(turn.ref, part(turn, 0, "ans", is_draft=True), at(0))

    await finish(store, turn, replace(part(turn, 0), buttons=YES_NO))

    assert (await claim_post(store)).buttons == YES_NO


async def test_a_delivery_that_is_not_there_is_none(store: Store) -> None:
    assert await store.deliveries.get("a") is None


async def test_a_conversation_sends_one_at_a_time_in_order(store: Store) -> None:
    await _enqueue(store, "a", "b")
    first = await claim_post(store)
    assert await claim_posts(store) == ()

    store.delivery_ready.clear()
    await settle(store, first, sent_as("p1"))

    assert store.delivery_ready.is_set()
    assert (await claim_post(store)).id == "b"


async def test_conversations_do_not_wait_for_each_other(store: Store) -> None:
    for channel in ("c1", "c2", "c3"):
        await _enqueue(store, f"a-{channel}", f"b-{channel}", channel=channel)

    claimed = await claim_posts(store)

    assert {delivery.id for delivery in claimed} == {"a-c1", "a-c2", "a-c3"}


async def test_a_claim_takes_the_oldest_up_to_its_limit(store: Store) -> None:
    for second, channel in enumerate(("c3", "c1", "c2")):
        await store.deliveries.enqueue([post(channel, channel=channel)], at(second))

    claim = await store.deliveries.claim(WORKER, [PLATFORM], 2, LEASE, at(5))

    assert [delivery.id for delivery in claim.deliveries] == ["c3", "c1"]
    assert claim.next_ready_at == at(2)


async def test_a_claim_of_nothing_has_nothing_to_wait_for(store: Store) -> None:
    claim = await store.deliveries.claim(WORKER, [PLATFORM], 2, LEASE, at(5))

    assert claim.deliveries == ()
    assert claim.next_ready_at is None


async def test_platforms_that_are_off_are_left_alone(store: Store) -> None:
    await store.deliveries.enqueue([post("a", platform="off"), post("b", platform="on")], at(0))

    claim = await store.deliveries.claim(WORKER, ["on", "fake"], 9, LEASE, at(5))

    assert [delivery.id for delivery in claim.deliveries] == ["b"]
    assert claim.next_ready_at is None
    assert [d.id for d in await claim_posts(store, platforms=["off"])] == ["a"]


async def test_platforms_share_one_order_and_one_limit(store: Store) -> None:
    for second, platform in enumerate(("x", "y", "x", "y")):
        new = post(f"{platform}{second}", platform=platform, channel=f"c{second}")
        await store.deliveries.enqueue([new], at(second))

    claim = await store.deliveries.claim(WORKER, ["y", "x"], 3, LEASE, at(9))

    assert [delivery.id for delivery in claim.deliveries] == ["x0", "y1", "x2"]
    assert claim.next_ready_at == at(3)


async def test_a_conversation_is_claimed_once_by_many_at_once(store: Store) -> None:
    await _enqueue(store, "a", "b")

    claims = await asyncio.gather(*(claim_posts(store) for _ in range(20)))

    assert [delivery.id for claim in claims for delivery in claim] == ["a"]


async def test_what_was_sent_keeps_its_receipt(store: Store) -> None:
    await _enqueue(store, "a")

    await settle(store, await claim_post(store), sent_as("p1"))

    stored = await store.deliveries.get("a")
    assert stored is not None
    assert (stored.state, stored.receipt) == (DeliveryState.SENT, "p1")
    assert await claim_posts(store, now=1000) == ()


async def test_a_failed_send_is_retried_after_the_asked_wait(store: Store) -> None:
    await _enqueue(store, "a", "b")

    await settle(store, await claim_post(store), SendLater(at(7), "slow down"), now=1)

    claim = await store.deliveries.claim(WORKER, [PLATFORM], 9, LEASE, at(6))
    assert (claim.deliveries, claim.next_ready_at) == ((), at(7))
    again = await claim_post(store, now=7)
    assert (again.id, again.state, again.attempts) == ("a", DeliveryState.SENDING, 2)


async def test_a_new_post_does_not_shorten_the_wait_of_the_one_before(store: Store) -> None:
    await _enqueue(store, "a")
    await settle(store, await claim_post(store), SendLater(at(7), "slow down"), now=1)

    await _enqueue(store, "b")

    assert await claim_posts(store, now=6) == ()


async def test_a_refused_delivery_lets_the_next_one_go(store: Store) -> None:
    await _enqueue(store, "a", "b")

    await settle(store, await claim_post(store), SendFailed("too long"))

    assert (await claim_post(store)).id == "b"
    assert await _state(store, "a") is DeliveryState.FAILED
    assert (await store.history.counts()).deliveries_failed == 1


async def test_an_unknown_outcome_is_resolved_before_anything_follows(store: Store) -> None:
    await _enqueue(store, "a", "b")

    await settle(store, await claim_post(store), SendUnknown(at(5), "timeout"))

    assert await claim_posts(store, now=4) == ()
    again = await claim_post(store, now=5)
    assert (again.id, again.state, again.attempts) == ("a", DeliveryState.UNKNOWN, 2)


async def test_an_unknown_delivery_that_surely_is_not_there_is_sent_again(store: Store) -> None:
    await _enqueue(store, "a")
    await settle(store, await claim_post(store), SendUnknown(at(0), "timeout"))

    await settle(store, await claim_post(store), SendLater(at(0), "not found"))

    assert (await claim_post(store)).state is DeliveryState.SENDING


async def test_a_delivery_in_flight_at_a_crash_is_unknown_afterwards(store: Store) -> None:
    await _enqueue(store, "a", "b")
    await claim_post(store)
    store.delivery_ready.clear()

    assert await store.deliveries.recover(at(1), predecessor=WORKER) == 1

    assert store.delivery_ready.is_set()
    assert await _state(store, "a") is DeliveryState.UNKNOWN
    again = await claim_post(store, now=1)
    assert (again.id, again.state, again.attempts) == ("a", DeliveryState.UNKNOWN, 2)


async def test_recover_takes_only_leases_that_are_over(store: Store) -> None:
    await _enqueue(store, "a")
    delivery = await claim_post(store)
    assert not await store.deliveries.extend([delivery], LEASE, at(20))

    assert await store.deliveries.recover(at(49)) == 0
    assert await store.deliveries.recover(at(49), predecessor=WorkerId("other")) == 0
    assert await store.deliveries.recover(at(50)) == 1
    assert await store.deliveries.recover(at(50)) == 0


async def test_extending_what_is_no_longer_held_does_nothing(store: Store) -> None:
    await _enqueue(store, "a")
    zombie = await claim_post(store)
    await store.deliveries.recover(at(30))
    await claim_post(store, now=30)

    lost = await store.deliveries.extend([zombie], LEASE, at(55))

    assert list(lost) == [zombie]
    assert await store.deliveries.recover(at(60)) == 1


async def test_a_zombie_settles_nothing(store: Store) -> None:
    await _enqueue(store, "a")
    zombie = await claim_post(store)
    await store.deliveries.recover(at(30))
    again = await claim_post(store, now=30)

    with pytest.raises(Fenced):
        await settle(store, zombie, SendFailed("zombie"), now=31)

    assert await store.deliveries.get("a") == again


async def test_a_delivery_is_settled_once(store: Store) -> None:
    await _enqueue(store, "a")
    delivery = await claim_post(store)
    await settle(store, delivery, sent_as("p1"))

    with pytest.raises(Fenced):
        await settle(store, delivery, sent_as("p2"))

    stored = await store.deliveries.get("a")
    assert stored is not None
    assert stored.receipt == "p1"


async def test_order_holds_over_many_conversations_at_once(store: Store) -> None:
    names = [f"{n:03}" for n in range(100)]
    await asyncio.gather(*(_enqueue(store, n, channel=f"c{int(n) % 7}") for n in names))

    sent = [delivery for delivery, _ in await send_all(store)]

    for rest in range(7):
        of_one = [delivery for delivery in sent if int(delivery) % 7 == rest]
        assert of_one == sorted(of_one)
    assert len(sent) == 100
