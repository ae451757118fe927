"""What a store tells its own process after commits; every store has these events and no others."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Signals:
    """The events of the port `Store`, in the order in which they are written down."""

    turn_ready: asyncio.Event = field(default_factory=asyncio.Event)
    delivery_ready: asyncio.Event = field(default_factory=asyncio.Event)
    turn_cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    delivery_stored: asyncio.Event = field(default_factory=asyncio.Event)
    """Set with `delivery_ready`, for whoever reads what it sends."""

    def give(self, given: str) -> None:
        """Set the events for which `given` has a 1; what it does not reach is left alone.

        Workers of another version may know fewer of them, or more.
        """
        events = (self.turn_ready, self.delivery_ready, self.turn_cancelled)
        for event, is_given in zip(events, given, strict=False):
            if is_given == "1":
                event.set()
        if given[1:2] == "1":
            self.delivery_stored.set()


ALL = "111"


def written(*, lanes: bool, posts: bool, cancelled: bool) -> str:
    """Write down which of them to give."""
    return "".join(str(int(each)) for each in (lanes, posts, cancelled))
