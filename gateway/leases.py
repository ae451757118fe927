"""What this process knows of the leases that it holds, by a clock that nobody can set."""

from __future__ import annotations

import asyncio
from datetime import timedelta


class Lease:
    """Says when a lease is over, without asking the store.

    A process that stood still for longer than its lease finds out here before it
    shows people anything: by then another one may have shown it.
    """

    def __init__(self, length: timedelta, since: float) -> None:
        self._length = length.total_seconds()
        self._until = since + self._length

    @property
    def is_over(self) -> bool:
        """Whether another process may have taken over."""
        return loop_time() >= self._until

    def prolong(self, since: float) -> None:
        """Note that the store prolonged it; `since` is taken before the store was asked."""
        self._until = since + self._length


def loop_time() -> float:
    """Return the seconds that have passed on the running loop's clock."""
    return asyncio.get_running_loop().time()
