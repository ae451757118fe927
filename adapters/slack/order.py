"""Lets what comes from one channel through one after the other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Lane:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    count: int = 0


@dataclass(frozen=True, slots=True)
class _Turn:
    """One place in the line of a channel, from `async with` to its end."""

    lanes: dict[str, _Lane]
    channel: str

    async def __aenter__(self) -> None:
        lane = self.lanes.get(self.channel)
        if lane is None:
            lane = self.lanes[self.channel] = _Lane()
        lane.count += 1
        try:
            await lane.lock.acquire()
        except asyncio.CancelledError:
            self._leave(lane)
            raise

    async def __aexit__(self, *_: object) -> None:
        lane = self.lanes[self.channel]
        lane.lock.release()
        self._leave(lane)

    def _leave(self, lane: _Lane) -> None:
        lane.count -= 1
        if not lane.count:
            del self.lanes[self.channel]


class ChannelOrder:
    """First come, first served in each channel; channels do not wait for each other."""

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {}

    def turn(self, channel: str) -> _Turn:
        """Wait for those who came before, and hold up those who come after."""
        return _Turn(self._lanes, channel)
