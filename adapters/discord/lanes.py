"""Keeps each channel's events in order, with what was missed before what is new."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from adapters.discord.rest import Json

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """One gateway event that is about a channel."""

    name: str
    data: Json


Handle = Callable[[Event], Awaitable[None]]
"""Takes in one event; returns when it is stored, or is not for us."""
FetchMissed = Callable[[str, int], Awaitable[None]]
"""Takes in what a channel holds after this message id, oldest first."""


@dataclass(slots=True)
class _Lane:
    """What waits in one channel."""

    shard: int
    events: deque[Event] = field(default_factory=deque[Event])


class Lanes:
    """One lane for each channel: its events one after the other, channels side by side.

    While a shard's gaps are not known yet its lanes wait; a channel with a gap is
    filled first. So a mark is never moved past what has not been stored.
    """

    def __init__(
        self, group: asyncio.TaskGroup, handle: Handle, fetch_missed: FetchMissed, limit: int
    ) -> None:
        self._group = group
        self._handle = handle
        self._fetch_missed = fetch_missed
        self._limit = limit
        self._lanes: dict[str, _Lane] = {}
        self._gaps: dict[str, int] = {}
        self._known: dict[int, asyncio.Event] = {}

    def put(self, channel: str, shard: int, event: Event) -> None:
        """Add an event to its channel's lane."""
        lane = self._lanes.get(channel)
        if lane is None:
            lane = self._lanes[channel] = _Lane(shard)
            self._group.create_task(self._work(channel, lane))
        lane.events.append(event)
        if len(lane.events) > self._limit:
            self._make_room(channel, lane)

    def hold(self, shard: int) -> None:
        """Let the lanes of a shard wait: a session begins, and what it missed is not known."""
        self._gate(shard).clear()

    async def fill(self, shard: int, gaps: Mapping[str, int], at_once: int) -> None:
        """Let the lanes go on, and fetch what each of these channels holds after its mark.

        Channels in which something new waits go first: they fill their own gaps.
        """
        self._gaps.update(gaps)
        self._gate(shard).set()
        waiting = deque(gaps)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(at_once, len(waiting))):
                group.create_task(self._sweep(waiting, shard))

    async def _sweep(self, waiting: deque[str], shard: int) -> None:
        while waiting:
            channel = waiting.popleft()
            if channel in self._gaps and channel not in self._lanes:
                lane = self._lanes[channel] = _Lane(shard)
                await self._work(channel, lane)

    async def _work(self, channel: str, lane: _Lane) -> None:
        try:
            while await self._step(channel, lane):
                pass
        finally:
            del self._lanes[channel]

    async def _step(self, channel: str, lane: _Lane) -> bool:
        """Fill the lane's gap, or take its next event; False when there is neither."""
        await self._gate(lane.shard).wait()
        after = self._gaps.pop(channel, None)
        try:
            if after is not None:
                await self._fetch_missed(channel, after)
            elif lane.events:
                await self._handle(lane.events.popleft())
            else:
                return False
        except Exception:  # the loop's edge: one event never stops a channel
            log.exception("discord_event_bug", extra={"channel": channel})
        return True

    def _make_room(self, channel: str, lane: _Lane) -> None:
        """Forget what waits, and fetch it again from history; changes of old messages are lost."""
        ids = [int(event.data["id"]) for event in lane.events if event.name == "MESSAGE_CREATE"]
        log.warning("discord_channel_full", extra={"channel": channel, "events": len(lane.events)})
        lane.events.clear()
        if ids:
            self._gaps.setdefault(channel, min(ids) - 1)

    def _gate(self, shard: int) -> asyncio.Event:
        if shard not in self._known:
            self._known[shard] = asyncio.Event()
            self._known[shard].set()
        return self._known[shard]
