"""Waiting for a signal or a moment, whichever comes first."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta


async def wait_until(
    signal: asyncio.Event, moment: datetime | None, now: datetime, at_most: timedelta
) -> None:
    """Return when `signal` is set, `moment` has come, or `at_most` has passed."""
    wait = at_most if moment is None else min(at_most, moment - now)
    try:
        async with asyncio.timeout(max(0.0, wait.total_seconds())):
            await signal.wait()
    except TimeoutError:
        return
