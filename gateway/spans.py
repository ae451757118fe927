"""Draws a turn and its deliveries from the audit log, as spans of one trace."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

from gateway.domain.audit import AuditEntry, AuditKind
from gateway.domain.spans import Span
from gateway.telemetry import trace_of

_ATTEMPT_ENDS = {AuditKind.TURN_POSTPONED, AuditKind.TURN_LOST, AuditKind.TURN_ENDED}
_TRY_ENDS = {AuditKind.DELIVERY_SETTLED, AuditKind.DELIVERY_LOST}
_WANTED_TO_SAY = {AuditKind.DELIVERY_STORED, AuditKind.DELIVERY_REVISED}
_FACTS = ("attempt", "worker", "fence", "state", "revision")
"""What of an entry's data a span carries, as `postern.<name>`."""


def is_end(entry: AuditEntry) -> bool:
    """Whether a turn, or what one delivery had to say, is over with this entry."""
    if entry.kind is AuditKind.DELIVERY_SETTLED:
        return entry.data["state"] in ("sent", "failed")
    return entry.kind is AuditKind.TURN_ENDED


def turn_spans(log: Sequence[AuditEntry], messages: Iterable[AuditEntry]) -> Iterator[Span]:
    """Draw a turn that is over: all of it, each message's wait and each attempt.

    `log` is what happened to the turn, in order; `messages` are the arrivals of its messages.
    """
    turn, end = log[-1].ref, log[-1]
    claims = _dated(entry for entry in log if entry.kind is AuditKind.TURN_CLAIMED)
    arrivals = _dated(messages)
    if not claims or end.at is None:
        return
    claimed_at = claims[0][1]
    began = min([claimed_at, *(at for _, at in arrivals)])
    whole = _span("turn", turn, None, (began, end.at), end)
    yield whole
    for message, at in arrivals:
        yield _span("waiting", message.ref, whole, (at, max(at, claimed_at)), message)
    yield from _tries("attempt", log, AuditKind.TURN_CLAIMED, _ATTEMPT_ENDS, whole)


def delivery_spans(log: Sequence[AuditEntry]) -> Iterator[Span]:
    """Draw a delivery whose newest words were sent or given up: all of it, and each try.

    `log` is what happened to the delivery, in order, up to the entry that ended it.
    """
    begun = [place for place, entry in enumerate(log) if entry.kind in _WANTED_TO_SAY]
    if not begun:
        return
    stretch, end = log[begun[-1] :], log[-1]
    first_at = stretch[0].at
    if first_at is None or end.at is None:
        return
    parent = _id("turn", turn) if (turn := log[0].data.get("turn")) else None
    words = f"{end.ref} {end.data['revision']}"
    whole = _span("delivery", words, parent, (first_at, end.at), end)
    yield whole
    yield from _tries("send", stretch, AuditKind.DELIVERY_CLAIMED, _TRY_ENDS, whole)


def within(spans: Iterable[Span], origin: str) -> list[Span]:
    """Put what agents do for each other into the trace of the turn that it began with.

    What began with no turn, as in the background, has a trace of its own without a first span.
    """
    trace = f"{trace_of(origin):0>32}"
    parent = _id("turn", origin) if origin.startswith("turn-") else None
    return [replace(span, trace=trace, parent=span.parent or parent) for span in spans]


def _tries(
    name: str,
    log: Sequence[AuditEntry],
    begins: AuditKind,
    ends: set[AuditKind],
    parent: Span,
) -> Iterator[Span]:
    """Draw what was begun several times, each with how it ended."""
    steps = [entry for entry in log if entry.kind is begins or entry.kind in ends]
    for begin, end in pairwise(steps):
        if begin.kind is begins and begin.at is not None and end.at is not None:
            thing = f"{begin.ref} {begin.sequence}"
            yield _span(name, thing, parent, (begin.at, end.at), end, begin)


def _span(
    name: str,
    thing: str,
    parent: Span | str | None,
    stretch: tuple[datetime, datetime],
    end: AuditEntry,
    begin: AuditEntry | None = None,
) -> Span:
    is_within = isinstance(parent, Span)
    data = {**({} if begin is None else begin.data), **end.data}
    facts = {f"postern.{fact}": _plain(data[fact]) for fact in _FACTS if fact in data}
    reason = data.get("reason")
    return Span(
        name=name,
        trace=parent.trace if is_within else f"{trace_of(end.ref):0>32}",
        id=_id(name, thing),
        parent=parent.id if is_within else parent,
        began=stretch[0],
        ended=stretch[1],
        facts={**facts, "postern.id": end.ref},
        failure=None if reason is None else str(reason),
    )


def _plain(value: object) -> str | int:
    return value if isinstance(value, int) else str(value)


def _dated(entries: Iterable[AuditEntry]) -> list[tuple[AuditEntry, datetime]]:
    return [(entry, entry.at) for entry in entries if entry.at is not None]


def _id(name: str, thing: object) -> str:
    return hashlib.blake2b(f"{name} {thing}".encode(), digest_size=8).hexdigest()
