"""Lets sent drafts grow at their platform's pace. Hints only: the stored text is the truth."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from gateway.domain.deliveries import Delivery
from gateway.domain.ids import DeliveryId, TurnId
from gateway.leases import Lease
from gateway.ports import Adapter, Streaming


@dataclass(slots=True)
class _Draft:
    """One message that people watch growing."""

    text: str = ""
    """The newest text that the agent has come to."""
    is_closed: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    showing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while the platform is being called."""


class Drafts:
    """Paces the edits of drafts, one call at a time for each.

    The turn runner opens a draft, lets it grow, and closes it before it stores
    the final text, which any worker may send; the outbox shows it once it is
    sent. Closing lets a call that is under way end and none begins after it, so
    that an older text never overwrites the final one. For the same reason
    nothing is shown of a turn that this process has no valid lease for.
    """

    def __init__(self) -> None:
        self._drafts: dict[DeliveryId, _Draft] = {}
        self._turns: dict[TurnId, Lease] = {}

    @contextmanager
    def held(self, turn: TurnId, lease: Lease) -> Generator[None]:
        """Let the turn's drafts be shown for as long as it runs here."""
        self._turns[turn] = lease
        try:
            yield
        finally:
            if self._turns.get(turn) is lease:
                del self._turns[turn]

    def open(self, delivery: DeliveryId) -> None:
        """Begin a draft, before it is stored."""
        self._drafts.setdefault(delivery, _Draft())

    def grow(self, delivery: DeliveryId, text: str) -> None:
        """Note how far the answer has come; nothing happens to a draft that is closed."""
        draft = self._drafts.get(delivery)
        if draft is not None:
            draft.text = text
            draft.changed.set()

    async def show(self, delivery: Delivery, adapter: Adapter, pace: Streaming) -> None:
        """Keep a sent draft up to date until it is closed."""
        draft = self._drafts.get(delivery.id)
        if draft is None:
            return
        shown = delivery.text
        while not draft.is_closed:
            await asyncio.sleep(pace.interval_seconds)
            await draft.changed.wait()
            draft.changed.clear()
            async with draft.showing:
                if draft.is_closed or draft.text == shown or not self._is_held(delivery):
                    continue
                shown = draft.text
                await adapter.show_draft(delivery, shown)

    def _is_held(self, delivery: Delivery) -> bool:
        lease = self._turns.get(delivery.turn) if delivery.turn else None
        return lease is not None and not lease.is_over

    async def close(self, delivery: DeliveryId) -> None:
        """Show nothing more of this draft; returns when no call is under way."""
        draft = self._drafts.pop(delivery, None)
        if draft is None:
            return
        draft.is_closed = True
        draft.changed.set()
        async with draft.showing:
            return
