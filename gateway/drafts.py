"""Lets sent drafts grow at their platform's pace. Hints only: the stored text is the truth."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from gateway.domain.deliveries import Delivery
from gateway.domain.ids import DeliveryId
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

    The turn runner opens a draft and lets it grow; the outbox shows it once it
    is sent, and closes it before it sends the final text. Closing lets a call
    that is under way end and none begins after it, so that an older text never
    overwrites the final one.
    """

    def __init__(self) -> None:
        self._drafts: dict[DeliveryId, _Draft] = {}

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
                if draft.is_closed or draft.text == shown:
                    continue
                shown = draft.text
                await adapter.show_draft(delivery, shown)

    async def close(self, delivery: DeliveryId) -> None:
        """Show nothing more of this draft; returns when no call is under way."""
        draft = self._drafts.pop(delivery, None)
        if draft is None:
            return
        draft.is_closed = True
        draft.changed.set()
        async with draft.showing:
            return
