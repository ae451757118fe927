"""The database's clock, by which all its workers go. What is compared with it is theirs."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

from gateway.errors import StoreUnavailable
from storage.postgres.database import Row

log = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
"""How long a machine's clock that was set wrong can mislead its worker."""
LOOKS = 3
WORTH_TELLING = timedelta(seconds=1)
THEIR_TIME = "SELECT clock_timestamp() AS now"


def machine_time() -> datetime:
    """Return the time of this machine."""
    return datetime.now(UTC)


class DatabaseClock:
    """The `Clock` of workers that share a database: leases mean the same to all of them.

    Between two looks the machine's own clock goes on, corrected as of the last
    one; while the database does not answer, that correction stays.
    """

    def __init__(
        self,
        read: Callable[[str], Awaitable[Sequence[Row]]],
        machine: Callable[[], datetime] = machine_time,
    ) -> None:
        self._read = read
        self._machine = machine
        self._ahead = timedelta()
        """How far the database's clock is before the machine's."""

    def now(self) -> datetime:
        """Return the present moment by the database's clock, aware UTC."""
        return self._machine() + self._ahead

    async def work(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except StoreUnavailable as error:
                log.warning("store_clock_not_read", extra={"error": str(error)})

    async def look(self) -> None:
        """Compare the clocks; the quickest of a few answers counts. Raises StoreUnavailable."""
        took, ahead = min([await self._ask() for _ in range(LOOKS)])
        change = abs(ahead - self._ahead)
        if change <= took:
            return  # no more than the answer's own way may explain
        self._ahead = ahead
        if change > WORTH_TELLING:
            log.warning("clock_differs", extra={"seconds": ahead.total_seconds()})

    async def _ask(self) -> tuple[timedelta, timedelta]:
        asked_at = time.monotonic()
        (row,) = await self._read(THEIR_TIME)
        took = timedelta(seconds=time.monotonic() - asked_at)
        theirs: datetime = row["now"]
        return took, theirs + took / 2 - self._machine()
