"""Who holds a singleton's place, such as Discord's gateway connection. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Lease:
    """One holder's right, until it ends; of two holders the one with the greater fence is right."""

    holder: str
    fence: int
    until: datetime


def decide_lease(
    held: Lease | None, holder: str, now: datetime, length: timedelta, first_fence: int = 1
) -> Lease | None:
    """Return the lease that `holder` has now; None while another one's still runs.

    A holder renews its own even when it is over, as long as nobody else took it.
    """
    if held is None:
        return Lease(holder, first_fence, now + length)
    if held.holder == holder:
        return replace(held, until=now + length)
    if now < held.until:
        return None
    return Lease(holder, held.fence + 1, now + length)


def is_vacant(held: Lease | None, now: datetime) -> bool:
    """Whether nobody holds the place."""
    return held is None or held.until <= now
