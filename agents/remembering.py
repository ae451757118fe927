"""What keeps a constellation from asking twice: a memory with limits, and one flight at a time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Hashable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from gateway.ports import Clock

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Remembers the most recently used, up to a limit, each for so long (None: for ever)."""

    def __init__(self, limit: int, clock: Clock, seconds: float | None = None) -> None:
        self._limit = limit
        self._clock = clock
        self._life = None if seconds is None else timedelta(seconds=seconds)
        self._items: OrderedDict[K, tuple[V, datetime | None]] = OrderedDict()

    def __contains__(self, key: K) -> bool:
        """Whether it is remembered, be it that there is none."""
        if key not in self._items:
            return False
        _, until = self._items[key]
        return until is None or self._clock.now() < until

    def get(self, key: K) -> V | None:
        """Return what is remembered; None when nothing is, or that there is none."""
        if key not in self:
            return None
        self._items.move_to_end(key)
        return self._items[key][0]

    def drop(self, key: K) -> None:
        """Forget it."""
        self._items.pop(key, None)

    def put(self, key: K, value: V) -> None:
        """Remember it from now on, and forget the least used beyond the limit."""
        self._items[key] = value, self._clock.now() + self._life if self._life else None
        self._items.move_to_end(key)
        while len(self._items) > self._limit:
            self._items.popitem(last=False)


class Flights:
    """Lets one at a time look for the same thing; the others wait for what it finds.

    A lock held over the network, on purpose: that is what keeps a first contact
    from happening twice. Cancelling one that waits, or flies, disturbs no other.
    """

    def __init__(self) -> None:
        self._locks: dict[Hashable, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def alone(self, key: Hashable) -> AsyncGenerator[None]:
        """Be the only one that looks for this, until the end."""
        lock, users = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks[key]
            if users == 1:
                del self._locks[key]
            else:
                self._locks[key] = (lock, users - 1)
