"""A turn and its answer are one trace, also when a worker died in between."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gateway.clock import SystemClock
from gateway.domain.deliveries import SendLater, Sent
from gateway.domain.ids import PlatformMessageId
from gateway.domain.spans import Span
from gateway.domain.turns import TurnOutcome, TurnState
from gateway.place import Place
from gateway.telemetry import trace_of
from gateway.tracer import Tracer
from storage.memory.store import MemoryStore
from tests.contracts.store.words import (
    WORKER,
    at,
    claim_post,
    claim_turn,
    finish,
    part,
    say,
    send_all,
    settle,
    start_turn,
)


class Gathered:
    """A collector that keeps what it is given."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.is_full = False

    async def take(self, spans: Sequence[Span]) -> bool:
        if not self.is_full:
            self.spans += spans
        return not self.is_full

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


@pytest.fixture
async def store() -> MemoryStore:
    store = MemoryStore()
    await store.open()
    return store


def _tracer(store: MemoryStore, gathered: Gathered, share: float = 1.0) -> Tracer:
    place = Place("tracer", WORKER, store.leases, SystemClock())
    return Tracer(store.history, gathered, place, share)


async def test_a_turn_its_messages_and_its_answer_are_one_trace(store: MemoryStore) -> None:
    await say(store, "e1")
    await say(store, "e2", now=1)
    turn = await claim_turn(store, now=2)
    await finish(store, turn, part(turn, 0), now=5)
    await settle(store, await claim_post(store, now=5), Sent(PlatformMessageId("9")), now=6)
    gathered = Gathered()

    await _tracer(store, gathered).tell(0)

    (whole,) = gathered.named("turn")
    assert (whole.began, whole.ended, whole.parent) == (at(0), at(5), None)
    assert {span.trace for span in gathered.spans} == {f"{trace_of('turn-1'):0>32}"}
    assert [(each.began, each.ended) for each in gathered.named("waiting")] == [
        (at(0), at(2)),
        (at(1), at(2)),
    ]
    assert [(each.began, each.ended) for each in gathered.named("attempt")] == [(at(2), at(5))]
    (delivery,) = gathered.named("delivery")
    (send,) = gathered.named("send")
    assert (delivery.parent, send.parent) == (whole.id, delivery.id)
    assert (send.began, send.ended) == (at(5), at(6))
    assert len({span.id for span in gathered.spans}) == len(gathered.spans)


async def test_the_attempt_of_a_worker_that_died_is_in_the_trace(store: MemoryStore) -> None:
    await start_turn(store)
    await store.turns.recover(at(40), predecessor=WORKER)
    again = await claim_turn(store, now=40)
    await finish(store, again, part(again, 0), now=41)
    gathered = Gathered()

    await _tracer(store, gathered).tell(0)

    attempts = gathered.named("attempt")
    assert [(each.began, each.ended) for each in attempts] == [(at(0), at(40)), (at(40), at(41))]
    assert [each.facts["postern.attempt"] for each in attempts] == [1, 2]


async def test_a_try_that_failed_says_why_and_is_not_the_end(store: MemoryStore) -> None:
    turn = await start_turn(store)
    await finish(store, turn, part(turn, 0))
    later = SendLater(at(3), "RateLimited: Discord asked to wait 2 s")
    await settle(store, await claim_post(store), later, now=1)
    await settle(store, await claim_post(store, now=4), Sent(PlatformMessageId("9")), now=5)
    gathered = Gathered()

    await _tracer(store, gathered).tell(0)

    first, second = gathered.named("send")
    assert first.failure is not None
    assert second.failure is None
    (delivery,) = gathered.named("delivery")
    assert (delivery.began, delivery.ended, delivery.failure) == (at(0), at(5), None)


async def test_new_words_of_a_draft_are_a_span_of_their_own(store: MemoryStore) -> None:
    turn = await start_turn(store)
    await store.turns.open_draft(turn.ref, part(turn, 0, "ans", is_draft=True), at(1))
    await settle(store, await claim_post(store, now=1), Sent(PlatformMessageId("9")), now=2)
    await finish(store, turn, part(turn, 0), now=3)
    await settle(store, await claim_post(store, now=3), Sent(PlatformMessageId("9")), now=4)
    gathered = Gathered()

    await _tracer(store, gathered).tell(0)

    draft, answer = gathered.named("delivery")
    assert [(each.began, each.ended) for each in (draft, answer)] == [
        (at(1), at(2)),
        (at(3), at(4)),
    ]
    assert draft.id != answer.id


async def test_a_turn_that_was_given_up_is_a_failure_without_the_persons_words(
    store: MemoryStore,
) -> None:
    turn = await start_turn(store)
    outcome = TurnOutcome(TurnState.FAILED, (), error="ValueError: text of e1")
    await store.turns.finish(turn.ref, outcome, at(1))
    gathered = Gathered()

    await _tracer(store, gathered).tell(0)

    (whole,) = gathered.named("turn")
    assert whole.failure == "ValueError"
    assert "text of e1" not in repr(gathered.spans)


async def test_whoever_begins_now_tells_what_ends_from_now_on(store: MemoryStore) -> None:
    await finish(store, await start_turn(store, "e1"))
    gathered = Gathered()
    tracer = _tracer(store, gathered)

    after = await tracer.tell(None)
    turn = await start_turn(store, "e2")
    after = await tracer.tell(after)
    assert gathered.spans == []
    await finish(store, turn)
    await tracer.tell(await tracer.tell(after))

    assert [span.facts["postern.id"] for span in gathered.named("turn")] == ["turn-2"]


async def test_a_share_is_of_whole_traces(store: MemoryStore) -> None:
    for number in range(40):
        turn = await start_turn(store, f"e{number}")
        await finish(store, turn, part(turn, 0))
        await send_all(store)
    gathered = Gathered()

    await _tracer(store, gathered, share=0.5).tell(0)

    turns = {span.trace for span in gathered.named("turn")}
    assert turns == {span.trace for span in gathered.named("delivery")}
    assert 5 < len(turns) < 35


async def test_spans_that_nobody_takes_hold_nothing_up(store: MemoryStore) -> None:
    await finish(store, await start_turn(store))
    gathered = Gathered()
    gathered.is_full = True
    tracer = _tracer(store, gathered)

    after = await tracer.tell(0)

    assert after == await store.history.newest_entry() > 0
    gathered.is_full = False
    await tracer.tell(after)
    assert gathered.spans == []
