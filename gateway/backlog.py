"""How much waits already, so that the inbox takes no more than can be worked off."""

from __future__ import annotations

from gateway.errors import StoreUnavailable
from gateway.leases import loop_time
from gateway.ports import HistoryStore

LOOK_AGAIN_SECONDS = 1.0


class Backlog:
    """Counts what waits, at most once a second; what was accepted since then counts too.

    So a process passes its limit by nothing, and several that share a store by what
    the others accept within a second.
    """

    def __init__(self, history: HistoryStore, limit: int) -> None:
        self._history = history
        self._limit = limit
        self._waiting = 0
        self._looked_at = float("-inf")

    async def make_room(self) -> None:
        """Note one message more; raises StoreUnavailable when as many wait as may."""
        now = loop_time()
        if now - self._looked_at >= LOOK_AGAIN_SECONDS:
            self._looked_at = now
            self._waiting = (await self._history.counts()).messages_waiting
        if self._waiting >= self._limit:
            raise StoreUnavailable(
                f"{self._waiting:,} messages wait for an answer already, as many as may "
                '("turns.max_backlog"). Send this one again later.',
                retry_after_seconds=LOOK_AGAIN_SECONDS,
            )
        self._waiting += 1
