"""Follows the audit log and hands every turn and delivery that is over to a collector, as spans."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol, cast

from gateway.domain.audit import AuditEntry, AuditKind
from gateway.domain.errands import errand_of, origin_of
from gateway.domain.spans import Span
from gateway.errors import StoreUnavailable
from gateway.place import Place
from gateway.ports import HistoryStore
from gateway.spans import delivery_spans, is_end, turn_spans, within
from gateway.telemetry import trace_of

log = logging.getLogger(__name__)

_PAGE = 500
_MOST_ENTRIES = 1_000
"""Of one turn or delivery; what is beyond is not drawn."""
_MOST_MESSAGES = 50
"""Of one turn; the waits of more are not drawn."""


class Collector(Protocol):
    """Where spans are gathered."""

    async def take(self, spans: Sequence[Span]) -> bool:
        """Take them; False when they are lost. The same span may come twice."""
        ...


class Tracer:
    """A part of the gateway that is never in the way of a turn: it reads what was committed.

    One process of all does it. Spans that nobody took are dropped, and so is what
    ended while no process followed the log: the log itself has it all.
    """

    def __init__(
        self,
        history: HistoryStore,
        collector: Collector,
        place: Place,
        share: float = 1.0,
        every_seconds: float = 2.0,
    ) -> None:
        self._history = history
        self._collector = collector
        self._place = place
        self._share = share
        self._every_seconds = every_seconds

    async def run(self) -> None:
        """Follow the log while the place is ours, until cancelled."""
        await self._place.run(self._follow)

    async def _follow(self) -> None:
        after: int | None = None
        while True:
            try:
                after = await self.tell(after)
            except StoreUnavailable as error:
                log.warning("spans_wait", extra={"error": str(error)})
            await asyncio.sleep(self._every_seconds)

    async def tell(self, after: int | None) -> int:
        """Hand over what ended after this entry, and return the last one looked at.

        With None it begins at the end of the log as it is now. Raises StoreUnavailable.
        """
        if after is None:
            return await self._history.newest_entry()
        while True:
            page = await self._history.audit(after, _PAGE)
            ends = [entry for entry in page if is_end(entry)]
            spans = [span for entry in ends for span in await self._drawn(entry)]
            if spans and not await self._collector.take(spans):
                log.warning("spans_lost", extra={"spans": len(spans)})
            after = page[-1].sequence if page else after
            if len(page) < _PAGE:
                return after

    def _is_shared(self, name: str) -> bool:
        """Whether the trace is in the share; all of a trace is, or nothing."""
        return int(trace_of(name), 16) < self._share * 2**64

    async def _drawn(self, end: AuditEntry) -> list[Span]:
        until = [entry for entry in await self._log_of(end.ref) if entry.sequence <= end.sequence]
        is_turn = end.kind is AuditKind.TURN_ENDED
        turn = end.ref if is_turn or not until else until[0].data.get("turn")
        origin = await self._origin(until if is_turn else await self._log_of(str(turn)))
        if not self._is_shared(origin or end.ref):
            return []
        spans = turn_spans(until, await self._arrivals(until)) if is_turn else delivery_spans(until)
        return list(spans) if origin is None else within(spans, origin)

    async def _log_of(self, name: str) -> list[AuditEntry]:
        entries = await self._history.trail(name, 0, _MOST_ENTRIES)
        return [entry for entry in entries if entry.ref == name]

    async def _origin(self, turn: Sequence[AuditEntry]) -> str | None:
        """Return the turn for which an agent asked for this one; None where a person did."""
        first = next((key for entry in turn for key in _keys(entry)), "")
        errand = errand_of(first.split(":", 2)[-1])
        changes = [] if errand is None else await self._history.trail(errand, 0, 1)
        root = changes[0].data.get("root") if changes else None
        return None if root is None else origin_of(str(root))

    async def _arrivals(self, turn: Sequence[AuditEntry]) -> list[AuditEntry]:
        keys = [key for entry in turn for key in _keys(entry)]
        found: list[AuditEntry] = []
        for key in dict.fromkeys(keys[:_MOST_MESSAGES]):
            entries = await self._history.trail(key, 0, _PAGE)
            found += [each for each in entries if _is_arrival(each, key)][:1]
        return found


def _keys(entry: AuditEntry) -> list[str]:
    return cast("list[str]", entry.data.get("keys", []))  # as `audit_data.turn_claimed` has them


def _is_arrival(entry: AuditEntry, key: str) -> bool:
    return entry.kind is AuditKind.MESSAGE_ACCEPTED and entry.ref == key
