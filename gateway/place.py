"""One process of all that share a store does something, and another one takes over when it dies."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from gateway.domain.ids import WorkerId
from gateway.domain.leases import Lease
from gateway.errors import StoreUnavailable
from gateway.ports import Clock

log = logging.getLogger(__name__)


class Leases(Protocol):
    """The part of a LeaseStore that a place needs; a process without a store asks another one."""

    async def take(
        self, place: str, holder: WorkerId, now: datetime, length: timedelta
    ) -> Lease | None:
        """Take the place or keep it for longer; None while another one's lease still runs."""
        ...

    async def let_go(self, place: str, lease: Lease, now: datetime) -> None:
        """End a lease early."""
        ...


@dataclass(frozen=True, slots=True)
class PlaceOptions:
    """How soon another process takes over: `length` and one look after the holder's death."""

    length: timedelta = timedelta(seconds=45)
    renewed_every_seconds: float = 10.0
    """Also how often a process that waits looks whether the place is free."""


class Place:
    """Something that one process at a time does, such as listening to Discord.

    Whoever can not renew its lease stops before the lease is over, so that two never
    hold the place; for that, clocks may be apart by a third of the lease's length.
    """

    def __init__(
        self,
        name: str,
        holder: WorkerId,
        leases: Leases,
        clock: Clock,
        options: PlaceOptions | None = None,
    ) -> None:
        self.name = name
        self._holder = holder
        self._leases = leases
        self._clock = clock
        self._options = options or PlaceOptions()
        self.lease: Lease | None = None
        """What this process holds now."""

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work whenever the place is ours, until cancelled or until the work itself ends.

        Raises what the work raises; the place is free at once for the others then.
        """
        while True:
            if await self.run_once(work):
                return
            await asyncio.sleep(self._options.renewed_every_seconds)

    async def run_once(self, work: Callable[[], Awaitable[None]]) -> bool:
        """Do the work if the place is free, until it ends (True) or the place is lost (False)."""
        asked_at = asyncio.get_running_loop().time()
        self.lease = await self._ask()
        if self.lease is None:
            return False
        log.info("place_taken", extra={"place": self.name, "fence": self.lease.fence})
        try:
            return await self._work_while_held(work, asked_at)
        finally:
            await self._let_go()

    async def _work_while_held(self, work: Callable[[], Awaitable[None]], asked_at: float) -> bool:
        async with asyncio.TaskGroup() as group:
            working = group.create_task(_outcome(work))
            try:
                await self._keep(working, asked_at)
            finally:
                working.cancel()
        if working.cancelled():
            log.warning("place_lost", extra={"place": self.name})
            return False
        failure = working.result()
        if failure is not None:
            raise failure
        return True

    async def _keep(self, working: asyncio.Task[Exception | None], asked_at: float) -> None:
        """Renew until the work has ended, or the place is lost or about to be."""
        loop, options = asyncio.get_running_loop(), self._options
        safe_until = asked_at + options.length.total_seconds() * 2 / 3
        while True:
            wait = min(options.renewed_every_seconds, safe_until - loop.time())
            await asyncio.wait([working], timeout=max(0.0, wait))
            asked_at = loop.time()
            if working.done() or asked_at >= safe_until:
                return
            try:
                lease = await self._leases.take(
                    self.name, self._holder, self._clock.now(), options.length
                )
            except StoreUnavailable as error:
                log.warning("place_not_renewed", extra={"place": self.name, "error": str(error)})
                continue
            if lease is None or self.lease is None or lease.fence != self.lease.fence:
                self.lease = None
                return
            self.lease = lease
            safe_until = asked_at + options.length.total_seconds() * 2 / 3

    async def _ask(self) -> Lease | None:
        try:
            return await self._leases.take(
                self.name, self._holder, self._clock.now(), self._options.length
            )
        except StoreUnavailable as error:
            log.warning("place_not_asked_for", extra={"place": self.name, "error": str(error)})
            return None

    async def _let_go(self) -> None:
        lease, self.lease = self.lease, None
        if lease is None:
            return
        try:
            await self._leases.let_go(self.name, lease, self._clock.now())
        except StoreUnavailable as error:
            log.warning("place_not_let_go", extra={"place": self.name, "error": str(error)})


async def _outcome(work: Callable[[], Awaitable[None]]) -> Exception | None:
    """Do the work and return why it failed: a task group would wrap that into a group."""
    try:
        await work()
    except Exception as error:  # noqa: BLE001 - it is raised again by `_work_while_held`
        return error
    return None
