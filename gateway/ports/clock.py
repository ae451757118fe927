"""What time it is."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The only source of time. Waiting is the event loop's, so that a virtual loop can rule it."""

    def now(self) -> datetime:
        """Return the present moment, aware UTC."""
        ...
