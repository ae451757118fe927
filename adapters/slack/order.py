"""Lets what comes from one channel through one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Lane:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    count: int = 0


class ChannelOrder:
    """First come, first served in each channel; channels do not wait for each other."""

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {}

    @asynccontextmanager
    async def turn(self, channel: str) -> AsyncGenerator[None]:
        """Wait for those who came before, and hold up those who come after."""
        lane = self._lanes.setdefault(channel, _Lane())
        lane.count += 1
        try:
            async with lane.lock:
                yield
        finally:
            lane.count -= 1
            if not lane.count:
                del self._lanes[channel]
