"""Who holds what only one process may hold, such as Discord's gateway connection. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.domain.ids import WorkerId


@dataclass(frozen=True, slots=True)
class Lease:
    """One holder's right, until it ends; of two holders the one with the greater fence is right."""

    holder: WorkerId
    fence: int
    until: datetime

    def is_over(self, now: datetime) -> bool:
        """Whether anybody may take it."""
        return self.until <= now


def decide_lease(
    held: Lease | None, holder: WorkerId, now: datetime, length: timedelta
) -> Lease | None:
    """Return the lease that `holder` has now; None while another one's still runs.

    A holder renews its own even when it is over, as long as nobody else took it.
    """
    if held is None:
        return Lease(holder, 1, now + length)
    if held.holder == holder:
        return replace(held, until=now + length)
    if not held.is_over(now):
        return None
    return Lease(holder, held.fence + 1, now + length)
