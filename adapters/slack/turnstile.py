"""How many may begin to install the app in a minute: each beginning is a row in the store."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

_MINUTE = timedelta(minutes=1)


class Turnstile:
    """Lets so many through a minute: from one address, and from all of them together.

    Behind a proxy that does not tell addresses, all are one. It remembers only
    those whom it let through, so that nobody can make it grow.
    """

    def __init__(self, each: int = 10, together: int = 60) -> None:
        self._each = each
        self._together = together
        self._passed: deque[tuple[datetime, str]] = deque()

    def lets(self, address: str, now: datetime) -> bool:
        """Count them in, if there is room."""
        while self._passed and self._passed[0][0] <= now - _MINUTE:
            self._passed.popleft()
        from_there = sum(other == address for _, other in self._passed)
        if len(self._passed) >= self._together or from_there >= self._each:
            return False
        self._passed.append((now, address))
        return True
