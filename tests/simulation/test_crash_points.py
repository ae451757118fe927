"""Every call that the ports offer: reached by the simulation, and survived on either side."""

from __future__ import annotations

import inspect
from functools import cache

import pytest

from gateway.ports import Adapter, AgentHost, AgentRuntime, Toolbox
from tests.simulation.parts import PARTS
from tests.simulation.simulation import Options, run_seed

PORTS: list[tuple[str, type]] = [
    *((f"store.{name}", kind) for name, kind in PARTS.items()),
    ("agents", AgentRuntime),
    ("agents", AgentHost),
    ("platform", Adapter),
    ("toolbox", Toolbox),
]
_DESK = "asked by the operator's commands and an agent's reminders, beside any turn"
_DOOR = "asked by a door for its page or its first answer, and writes nothing"
_OPERATOR = "asked by the operator's commands alone"
BESIDE_ALL_TURNS = {
    "store.people.binding": "asked by commands; a turn finds its agent and thread by one look",
    "store.people.pairings": _OPERATOR,
    "store.people.decide_pairing": _OPERATOR,
    "store.people.is_paired": "one read before anything is stored; no door there takes codes",
    "store.people.bindings": _OPERATOR,
    "store.people.ban": "asked by the operator's commands and an admin's /ban",
    "store.people.lift_ban": "asked by the operator's commands and an admin's /unban",
    "store.deliveries.revise": "rewrites a post beside any turn",
    "store.deliveries.numbered": "asked about posts that nobody here heard of",
    "store.people.adopt_agent": _OPERATOR,
    "store.people.unbind_agent": _OPERATOR,
    "store.people.record_template": _OPERATOR,
    "store.people.rebind_session": "asked by /new",
    "store.people.threads": "asked by /sessions",
    "store.people.conversations_of": "asked by /forget",
    "store.people.everybody": _OPERATOR,
    "store.people.last_sender": "asked for schedules that belong to nobody",
    "store.schedules.put": _DESK,
    "store.schedules.page": _DESK,
    "store.schedules.in_conversation": _DESK,
    "store.schedules.remove": _DESK,
    "store.schedules.wake": "asked by hooks, and nobody calls one here",
    "store.schedules.past_slots": _DESK,
    "store.history.history": _DOOR,
    "store.history.answer": _DOOR,
    "store.history.turn_of": _DOOR,
    "store.history.conversations": _DOOR,
    "store.history.newest_events": "asked once by a door that starts",
    "store.history.counts": "asked by /status and by metrics",
    "store.history.audit": "asked by operators and by the checks of this simulator",
    "store.history.parked": "asked by operators who follow a message",
    "store.history.newest_entry": "asked once by whoever follows the log",
    "store.history.heard_since": "asked for pages that are open elsewhere",
    "store.history.posted_since": "asked for pages that are open elsewhere",
    "store.history.retain": "housekeeping, on which nothing of a turn depends",
    "store.history.retain_audit": "housekeeping, on which nothing of a turn depends",
    "platform.overheard": "asked where `turns.quoted_messages` is set, as it is not here",
    "agents.health": "asked by /status and /ready",
    "platform.direct_with": "asked for approvers, and there are none here",
}
"""Calls that no simulated turn makes, each with the reason."""

PORTS_BESIDE_ALL_TURNS = {
    "store.dead_letters": _OPERATOR,
    "store.errands": "no agent asks another here; tests/scenarios crash that on its own",
    "store.fires": "judges slots that are over, when their turn has long ended",
    "store.handed": "used by ingresses without a worker of their own",
    "store.installations": "used when an app is installed",
    "store.leases": "held by the one listener of a platform, not by turns",
    "store.links": "asked by /link",
    "store.memory_edits": "asked by /memory",
    "store.notes": "what wakeups with data sources remember, and these have none",
    "store.personal": "asked by /forget and for what is kept of one person",
    "store.outside_calls": "made by tasks, and there are none here",
    "store.tasks": "nobody has a task here",
    "store.tokens": "asked by /token and by programs",
    "store.usage": "nobody has a budget here",
}
"""Parts of the store that simulated turns have no use for, but for a look now and then."""

SEEDS = range(130)
CHUNKS = 8


def _offered() -> set[str]:
    """Return every call that awaits something, as the ports declare them."""
    return {
        f"{name}.{method}"
        for name, port in PORTS
        for method, function in inspect.getmembers(port, inspect.isfunction)
        if not method.startswith("_") and _awaits(function)
    }


def _awaits(function: object) -> bool:
    returns = inspect.signature(function).return_annotation  # pyright: ignore[reportArgumentType]
    return inspect.iscoroutinefunction(function) or str(returns).startswith("AsyncIterator")


@cache
def _first_seen() -> dict[str, tuple[int, int]]:
    """Return every moment that a first worker comes to: in which seed, and as which of its own."""
    seen: dict[str, tuple[int, int]] = {}
    for seed in SEEDS:
        for place, moment in enumerate(run_seed(seed).first_worker, start=1):
            seen.setdefault(moment, (seed, place))
    return seen


def test_every_call_of_the_ports_is_reached_or_has_a_reason() -> None:
    reached = {moment.partition(" ")[2].rpartition(" of ")[2] for moment in _first_seen()}

    beside = {call for call in _offered() if call.rpartition(".")[0] in PORTS_BESIDE_ALL_TURNS}
    assert _offered() - reached - beside == set(BESIDE_ALL_TURNS)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_crash_before_and_after_every_call_is_survived(chunk: int) -> None:
    moments = sorted(_first_seen().items())[chunk::CHUNKS]

    for moment, (seed, place) in moments:
        report = run_seed(seed, Options(kill_at=place))

        assert report.first_worker[-1] == moment
        assert not report.broken, f"Killed {moment}: {report.explain()}"
