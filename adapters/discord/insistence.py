"""Doing a thing until it is done, where order forbids to go on without it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from gateway.errors import RetryLater

log = logging.getLogger(__name__)

T = TypeVar("T")

_LONGEST_WAIT_SECONDS = 60.0


async def insist(act: Callable[[], Awaitable[T]], first_wait_seconds: float) -> T:
    """Return what `act` returns, calling it again for as long as it raises RetryLater."""
    wait = first_wait_seconds
    while True:
        try:
            return await act()
        except RetryLater as error:
            log.warning("discord_waits", extra={"error": str(error), "seconds": wait})
            await asyncio.sleep(max(wait, error.retry_after_seconds or 0.0))
            wait = min(_LONGEST_WAIT_SECONDS, wait * 2)
