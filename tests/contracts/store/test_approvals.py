"""Approvals: asked once, decided once, and the agent's lane hears of it in the same commit."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from gateway.domain.approvals import Approval, ApprovalState, Decision, approval_id
from gateway.domain.audit import AuditKind
from gateway.domain.deliveries import Button, NewDelivery
from gateway.domain.ids import TurnId
from gateway.domain.messages import MessageKind
from gateway.domain.people import Mode, person_id_of
from gateway.domain.tools import ToolCall
from gateway.ports import Store
from tests.contracts.store.words import (
    ROUTE,
    at,
    claim_turn,
    claim_turns,
    events,
    identity,
    message,
    place,
    send_all,
)

YES = Button("Approve", "/approve x")


def approval(call: str = "call-1", *, asked: float = 0, lasts: float = 60) -> Approval:
    return Approval(
        id=approval_id(TurnId("turn-1"), call),
        call=ToolCall(call, "pay", '{"euros": 5}'),
        turn=TurnId("turn-1"),
        person=person_id_of(identity()),
        role="postern",
        conversation=place(),
        sender=message("e1").sender,
        mode=Mode.PERSON,
        is_private=False,
        asked_at=at(asked),
        expires_at=at(asked + lasts),
    )


def questions(asked: Approval) -> list[NewDelivery]:
    return [NewDelivery(name, at, "May I?", buttons=(YES,)) for name, at in asked.questions]


def decision(asked: Approval, state: ApprovalState = ApprovalState.APPROVED) -> Decision:
    news = replace(message(f"approval-{asked.id}"), kind=MessageKind.DECISION, target=asked.id)
    shown = tuple((name, f"It was {state}.") for name, _ in asked.questions)
    return Decision(asked, state, "Ada", shown, news, ROUTE)


async def _ask(store: Store, asked: Approval) -> Approval:
    return await store.approvals.ask(asked, questions(asked), asked.asked_at)


async def test_an_approval_is_read_back_as_it_was_asked(store: Store) -> None:
    asked = await _ask(store, approval())

    assert await store.approvals.get(asked.id) == asked == approval()
    assert await store.approvals.get("00000000") is None


async def test_asking_again_changes_nothing_and_asks_nobody_twice(store: Store) -> None:
    first = await _ask(store, approval())

    again = await _ask(store, replace(approval(), expires_at=at(999)))

    assert again == first
    assert await send_all(store) == [(first.question, "May I?")]


async def test_a_decision_edits_the_question_and_wakes_the_lane(store: Store) -> None:
    asked = await _ask(store, approval())
    await send_all(store)

    assert await store.approvals.decide(decision(asked), at(5))

    decided = replace(asked, state=ApprovalState.APPROVED, decided_by="Ada", decided_at=at(5))
    assert await store.approvals.get(asked.id) == decided
    assert await send_all(store, 5) == [(asked.question, "It was approved.")]
    edited = await store.deliveries.get(asked.question)
    assert edited is not None
    assert edited.buttons == ()
    turn = await claim_turn(store, 5)
    assert (events(turn), turn.messages[0].target) == ([f"approval-{asked.id}"], asked.id)


async def test_a_decision_edits_all_that_asked(store: Store) -> None:
    asked = await _ask(store, replace(approval(), copies=(place("c0"), place("c2"))))
    sent = await send_all(store)

    assert await store.approvals.decide(decision(asked), at(5))

    assert sorted(sent) == [(name, "May I?") for name, _ in asked.questions]
    edited = sorted(await send_all(store, 5))
    assert edited == [(name, "It was approved.") for name, _ in asked.questions]
    assert await store.approvals.get(asked.id) == replace(
        asked, state=ApprovalState.APPROVED, decided_by="Ada", decided_at=at(5)
    )


async def test_of_decisions_made_at_once_one_holds(store: Store) -> None:
    asked = await _ask(store, approval())
    states = [ApprovalState.APPROVED, ApprovalState.DENIED, ApprovalState.EXPIRED] * 3

    took = await asyncio.gather(
        *(store.approvals.decide(decision(asked, state), at(5)) for state in states)
    )

    assert took.count(True) == 1
    known = await store.approvals.get(asked.id)
    assert known is not None
    assert known.state is states[took.index(True)]
    assert len(await claim_turns(store, 5)) == 1


async def test_what_was_never_asked_can_not_be_decided(store: Store) -> None:
    assert not await store.approvals.decide(decision(approval()), at(0))
    assert await claim_turns(store) == ()


async def test_what_waits_is_listed_by_place_and_by_time(store: Store) -> None:
    late, soon = approval("late", lasts=100), approval("soon", asked=1, lasts=10)
    elsewhere = replace(approval("other"), conversation=place("c2"))
    for each in (late, soon, elsewhere):
        await _ask(store, each)
    await store.approvals.decide(decision(elsewhere), at(2))

    assert await store.approvals.waiting(place().id) == [late, soon]
    assert await store.approvals.waiting(place("c2").id) == []
    assert await store.approvals.due(at(10), 5) == []
    assert await store.approvals.due(at(11), 5) == [soon]
    assert await store.approvals.due(at(100), 1) == [soon]


async def test_whoever_is_turned_away_is_in_the_audit_log(store: Store) -> None:
    await store.approvals.turn_away("abcd", identity("mallory"), at(3))

    (entry,) = await store.history.audit(0, 10)
    assert (entry.kind, entry.subject, entry.ref) == (
        AuditKind.APPROVAL_REFUSED,
        identity("mallory").key,
        "abcd",
    )


async def test_decided_approvals_are_forgotten_with_the_rest(store: Store) -> None:
    asked, open_one = await _ask(store, approval()), await _ask(store, approval("other"))
    await store.approvals.decide(decision(asked), at(5))

    while await store.history.retain(at(100), 10):
        pass

    assert await store.approvals.get(asked.id) is None
    assert await store.approvals.get(open_one.id) == open_one
