"""What several agents do for one message is one trail and one trace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agents.coordination.round_robin import RoundRobin
from agents.scripted import Say, Step, Wait
from gateway.clock import SystemClock
from gateway.domain.audit import AuditKind
from gateway.domain.spans import Span
from gateway.domain.trails import Trail
from gateway.place import Place
from gateway.telemetry import trace_of
from gateway.tracer import Tracer
from gateway.trail import Trails
from tests.fakes.hub import WORKER, FakeHub
from tests.scenarios import test_delegation as delegation
from tests.scenarios.test_groups import new_hub, plain, told


class Gathered:
    """A collector that keeps what it is given."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    async def take(self, spans: Sequence[Span]) -> bool:
        self.spans += spans
        return True

    def turns(self) -> dict[str, Span]:
        return {str(s.facts["postern.id"]): s for s in self.spans if s.name == "turn"}


async def _spans(hub: FakeHub, share: float = 1.0) -> Gathered:
    gathered = Gathered()
    place = Place("tracer", WORKER, hub.store.leases, SystemClock())
    await Tracer(hub.store.history, gathered, place, share).tell(0)
    return gathered


async def _trail(hub: FakeHub, name: str) -> Trail:
    return await Trails(hub.store.history).follow(name)


def _turns(trail: Trail) -> set[str]:
    return {entry.ref for entry in trail.entries if entry.kind is AuditKind.TURN_ENDED}


async def _a_group_plays() -> FakeHub:
    hub = new_hub(
        RoundRobin(("a", "b"), speakers=2), {"a": plain("ping"), "b": plain("pong")}, shown=True
    )
    assert await told(hub, "play") == ["**a:** ping", "**b:** pong"]
    return hub


async def test_the_trail_of_a_question_to_a_group_has_every_member_and_what_it_said() -> None:
    hub = await _a_group_plays()

    trail = await _trail(hub, "e1")

    everything = await hub.store.history.audit(0, 10_000)
    ended = {entry.ref for entry in everything if entry.kind is AuditKind.TURN_ENDED}
    sent = [entry for entry in trail.entries if entry.kind is AuditKind.DELIVERY_SETTLED]
    assert _turns(trail) == ended
    assert len(ended) >= 3
    assert len(sent) == 2
    assert trail.is_open == ()


async def test_the_trail_of_a_member_leads_to_the_same() -> None:
    hub = await _a_group_plays()
    whole = await _trail(hub, "e1")

    for turn in _turns(whole):
        assert _turns(await _trail(hub, turn)) == _turns(whole)


async def test_all_that_a_group_does_is_one_trace() -> None:
    hub = await _a_group_plays()

    gathered = await _spans(hub)

    turns = gathered.turns()
    first = turns.pop("turn-1")
    assert first.parent is None
    assert len(turns) >= 2
    assert {span.parent for span in turns.values()} == {first.id}
    assert {span.trace for span in gathered.spans} == {f"{trace_of('turn-1'):0>32}"}
    assert len({span.id for span in gathered.spans}) == len(gathered.spans)


async def test_two_questions_to_a_group_are_two_traces_and_a_share_takes_whole_ones() -> None:
    hub = new_hub(RoundRobin(("a", "b")), {"a": plain("yes"), "b": plain("yes")})
    await told(hub, "one?", "two?")

    every = await _spans(hub)
    traces = {span.trace for span in every.spans}
    some = await _spans(hub, (min(int(trace, 16) for trace in traces) + 1) / 2**64)

    assert len(traces) == 2
    assert {span.trace for span in some.spans} == {min(traces, key=lambda trace: int(trace, 16))}
    assert len(some.spans) == sum(span.trace == min(traces) for span in every.spans)


async def test_what_an_agent_asks_another_is_in_the_trail_and_the_trace_of_the_words() -> None:
    hub = delegation.new_hub(postern=delegation.postern, writer=delegation.writer)
    async with hub.running():
        ada = hub.person("ada")
        await ada.says("a poem", event_id="e1")
        await ada.reads(2)

    trail, gathered = await _trail(hub, "e1"), await _spans(hub)

    assert _turns(trail) == set(gathered.turns())
    assert len(_turns(trail)) == 3
    assert {span.trace for span in gathered.spans} == {f"{trace_of('turn-1'):0>32}"}


async def test_an_errand_that_nobody_has_answered_is_told_as_open() -> None:
    def slow(text: str, is_result: bool) -> Iterable[Step]:
        return (Wait(600), Say("All is well."))

    hub = delegation.new_hub(postern=delegation.postern, writer=slow)
    async with hub.running():
        ada = hub.person("ada")
        await ada.says("a poem", event_id="e1")
        await ada.reads(1)
        trail = await _trail(hub, "e1")

    waiting = [each for each in trail.is_open if each.endswith("waits for writer to answer.")]
    assert len(waiting) == 1
