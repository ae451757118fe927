"""The audit log by the thing: what happened to it, why, and how long that is kept."""

from __future__ import annotations

from datetime import timedelta

from gateway.domain.audit import STEPS, AuditEntry, AuditKind
from gateway.domain.deliveries import SendFailed, SendLater
from gateway.domain.ids import RunId
from gateway.domain.tools import ToolCall, ToolResult
from gateway.domain.turns import TurnOutcome, TurnState
from gateway.ports import Store
from tests.contracts.store.words import (
    ROUTE,
    WORKER,
    at,
    claim_post,
    claim_turn,
    finish,
    message,
    part,
    place,
    post,
    refusal,
    say,
    send_all,
    settle,
    start_turn,
)


async def _trail(store: Store, thing: str) -> list[AuditEntry]:
    return await store.history.trail(thing, 0, 100)


async def _last(store: Store, thing: str) -> AuditEntry:
    return (await _trail(store, thing))[-1]


async def test_a_thing_is_found_by_its_name_and_only_it(store: Store) -> None:
    turn = await start_turn(store, "e1")
    await finish(store, turn, part(turn, 0))
    await send_all(store)
    await store.turns.accept(message("e2", user="bob"), ROUTE, at(0))

    kinds = [entry.kind for entry in await _trail(store, turn.ref.id)]
    sent = [entry.kind for entry in await _trail(store, f"{turn.ref.id}.0")]

    assert kinds == [AuditKind.TURN_CLAIMED, AuditKind.TURN_ENDED]
    assert sent == [
        AuditKind.DELIVERY_STORED,
        AuditKind.DELIVERY_CLAIMED,
        AuditKind.DELIVERY_SETTLED,
    ]
    assert await _trail(store, "nothing") == []


async def test_whatever_belongs_to_a_lane_is_found_in_order_and_in_pages(store: Store) -> None:
    turn = await start_turn(store, "e1")
    await say(store, "e2")
    whole = await _trail(store, turn.ref.lane)

    first = await store.history.trail(turn.ref.lane, 0, 2)
    rest = await store.history.trail(turn.ref.lane, first[-1].sequence, 100)

    assert [entry.kind for entry in whole] == [
        AuditKind.MESSAGE_ACCEPTED,
        AuditKind.TURN_CLAIMED,
        AuditKind.MESSAGE_ACCEPTED,
    ]
    assert [*first, *rest] == whole


async def test_the_steps_of_things_are_found_by_their_names_alone(store: Store) -> None:
    turn = await start_turn(store, "e1")
    call = ToolCall("call-1", "search", "{}")
    await store.turns.record_run(turn.ref, 0, RunId("run-1"))
    await store.turns.intend_tool_call(turn.ref, call)
    await store.turns.record_tool_result(turn.ref, call, ToolResult("call-1", "found"))
    await store.turns.open_draft(turn.ref, part(turn, 0, "so f"), at(0))
    await finish(store, turn, part(turn, 0, "so far"))
    await send_all(store)

    steps = [*await _trail(store, turn.ref.id), *await _trail(store, f"{turn.ref.id}.0")]
    by_place = [*await _trail(store, turn.ref.lane), *await _trail(store, place().id)]

    assert {entry.kind for entry in steps} >= STEPS
    assert [entry.kind for entry in by_place] == [
        AuditKind.MESSAGE_ACCEPTED,
        AuditKind.TURN_CLAIMED,
        AuditKind.DELIVERY_STORED,
    ]


async def test_a_message_is_found_by_its_event_id_alone(store: Store) -> None:
    await say(store, "102:edit:1")
    await store.turns.refuse(refusal("turned-away", user="bob"), at(0))

    (accepted,) = await _trail(store, "102:edit:1")
    (refused,) = await _trail(store, "turned-away")

    assert (accepted.kind, accepted.ref) == (
        AuditKind.MESSAGE_ACCEPTED,
        message("102:edit:1").idempotency_key,
    )
    assert (refused.kind, refused.data["reason"]) == (AuditKind.MESSAGE_REFUSED, "not_allowed")
    assert await _trail(store, accepted.ref) == [accepted]
    assert await _trail(store, "edit:1") == []


async def test_a_claim_tells_who_has_the_turn_and_what_it_answers(store: Store) -> None:
    await say(store, "e1")
    await say(store, "e2")
    turn = await claim_turn(store)

    claimed = await _last(store, turn.ref.id)

    assert claimed.data["worker"] == WORKER
    assert (claimed.data["attempt"], claimed.data["fence"]) == (1, turn.ref.fence)
    assert claimed.data["keys"] == [message(each).idempotency_key for each in ("e1", "e2")]


async def test_what_went_wrong_is_told_with_the_next_try(store: Store) -> None:
    turn = await start_turn(store, "e1")
    notice = post("sorry")
    away = "RuntimeUnavailable: Letta answered with HTTP 502."
    await store.turns.postpone(turn.ref, at(5), away, notice, at(1))
    await store.turns.postpone((await claim_turn(store, 5)).ref, at(9), away, notice, at(6))
    again = await claim_post(store, 1)
    await settle(store, again, SendLater(at(9), "RateLimited: wait 8 s"), 1)

    first, second = (
        each.data
        for each in await _trail(store, turn.ref.id)
        if each.kind is AuditKind.TURN_POSTPONED
    )
    settled = await _last(store, "sorry")

    assert (first["reason"], first["until"]) == (away, at(5).isoformat())
    assert (first["notice"], "notice" in second) == ("sorry", False)
    assert settled.data["state"] == "pending"
    assert settled.data["reason"] == "RateLimited: wait 8 s"
    assert settled.data["until"] == at(9).isoformat()


async def test_reasons_hold_neither_secrets_nor_what_somebody_wrote(store: Store) -> None:
    turn = await start_turn(store, "e1")
    bug = "KeyError: 'my diary says hello'"
    await store.turns.finish(turn.ref, TurnOutcome(TurnState.FAILED, (part(turn, 0),), bug), at(0))
    secret = "DeliveryRefused: the token xoxb-1234567890-abcdef is not known"
    await settle(store, await claim_post(store), SendFailed(secret))

    ended = await _last(store, turn.ref.id)
    settled = await _last(store, f"{turn.ref.id}.0")

    assert ended.data["reason"] == "KeyError"
    assert settled.data["reason"] == "DeliveryRefused: the token [hidden] is not known"


async def test_the_beginning_of_the_log_is_dropped_in_bounded_commits(store: Store) -> None:
    turn = await start_turn(store, "e1")
    await store.turns.record_run(turn.ref, 0, "run-1")  # pyright: ignore[reportArgumentType]
    await finish(store, turn, now=10)
    await say(store, "e2", now=20)
    before = await store.history.audit(0, 100)

    sizes = [await store.history.retain_audit(at(20), 3) for _ in range(4)]
    left = await store.history.audit(0, 100)

    assert sizes == [3, 2, 0, 0]
    assert left == before[5:]
    assert [entry.kind for entry in left] == [AuditKind.MESSAGE_ACCEPTED]
    await say(store, "e3", now=21)
    assert (await store.history.audit(left[0].sequence, 100))[0].kind is AuditKind.MESSAGE_ACCEPTED
    assert not (await say(store, "e1", now=22)).is_new


async def test_nothing_young_is_dropped_from_the_log(store: Store) -> None:
    await say(store, "e1", now=5)

    assert await store.history.retain_audit(at(5), 100) == 0
    assert await store.history.retain_audit(at(5) + timedelta(microseconds=1), 100) == 2


async def test_the_newest_entry_is_where_one_begins_to_follow(store: Store) -> None:
    assert await store.history.newest_entry() == 0
    await say(store, "e1")

    newest = await store.history.newest_entry()

    assert await store.history.audit(newest, 10) == []
    assert (await store.history.audit(0, 100))[-1].sequence == newest
