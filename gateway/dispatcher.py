"""Claims ready lanes as turns and has them run: one turn in flight per lane, many lanes at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.domain.ids import TurnId, WorkerId
from gateway.domain.turns import Turn, TurnRef
from gateway.errors import Fenced, StoreUnavailable
from gateway.leases import Lease, loop_time
from gateway.ports import Clock, Store
from gateway.telemetry import traced
from gateway.turn_runner import TurnRunner
from gateway.waiting import wait_until

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DispatcherOptions:
    """Limits of the dispatcher."""

    worker: WorkerId
    max_in_flight: int = 2_000
    per_person: int = 4
    """How many turns of one person run at once, here and elsewhere."""
    lease: timedelta = timedelta(seconds=30)
    poll: timedelta = timedelta(seconds=1)
    """How often to look without a signal, for what other processes stored."""


class Dispatcher:
    """Keeps turns running. It claims lanes, never scans messages.

    A turn whose lease is lost is stopped here: its new owner goes on with it.
    """

    def __init__(
        self, store: Store, runner: TurnRunner, clock: Clock, options: DispatcherOptions
    ) -> None:
        self._store = store
        self._runner = runner
        self._clock = clock
        self._options = options
        self._running: dict[TurnRef, asyncio.Task[None]] = {}
        self._leases: dict[TurnRef, Lease] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._is_draining = False

    async def run(self) -> None:
        """Dispatch until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_leases())
            group.create_task(self._stop_cancelled(group))
            while True:
                self._store.turn_ready.clear()
                next_ready_at = await self._claim_once(group)
                now = self._clock.now()
                await wait_until(self._store.turn_ready, next_ready_at, now, self._options.poll)

    async def drain(self) -> None:
        """Claim nothing more; return when the turns that run have ended."""
        self._is_draining = True
        await self._idle.wait()

    async def _claim_once(self, group: asyncio.TaskGroup) -> datetime | None:
        """Start the turns there is room for; return when the next lane will be ready."""
        room = self._options.max_in_flight - len(self._running)
        if room <= 0 or self._is_draining:
            return None
        limit = min(room, 256)
        now, asked_at = self._clock.now(), loop_time()
        try:
            claim = await self._store.turns.claim(
                self._options.worker, limit, self._options.lease, now, self._options.per_person
            )
        except StoreUnavailable as error:
            log.warning("turns_not_claimed", extra={"error": str(error)})
            return None
        for turn in claim.turns:
            self._idle.clear()
            self._leases[turn.ref] = Lease(self._options.lease, asked_at)
            self._running[turn.ref] = group.create_task(self._run(turn))
        return now if len(claim.turns) == limit else claim.next_ready_at

    async def _run(self, turn: Turn) -> None:
        try:
            with traced(turn.ref.id):
                await self._run_to_its_end(turn)
        finally:
            del self._running[turn.ref], self._leases[turn.ref]
            if not self._running:
                self._idle.set()
            self._store.turn_ready.set()

    async def _run_to_its_end(self, turn: Turn) -> None:
        events = " ".join(message.event_id for message in turn.messages)
        details = {"turn": turn.ref.id, "attempt": turn.attempt, "fence": turn.ref.fence}
        log.info("turn_claimed", extra={**details, "events": events})
        try:
            await self._run_or_set_aside(turn)
        except Fenced:
            log.info("turn_fenced", extra={"turn": turn.ref.id})
        except StoreUnavailable as error:
            # Its lease runs out, and whoever claims it then re-attaches to its run.
            log.warning("turn_not_stored", extra={"turn": turn.ref.id, "error": str(error)})

    async def _run_or_set_aside(self, turn: Turn) -> None:
        try:
            await self._runner.run(turn, self._leases[turn.ref])
        except (Fenced, StoreUnavailable):
            raise
        except Exception as error:  # the loop's edge: one turn never stops the others
            log.exception("turn_bug", extra={"turn": turn.ref.id})
            await self._runner.set_aside(turn, error)

    async def _keep_leases(self) -> None:
        """Prolong what runs, stop what was lost, and take over what others left behind."""
        while True:
            await asyncio.sleep(self._options.lease.total_seconds() / 3)
            now, asked_at = self._clock.now(), loop_time()
            held = list(self._running)
            try:
                lost = await self._store.turns.extend(held, self._options.lease, now)
                await self._store.turns.recover(now)
            except StoreUnavailable as error:
                log.warning("leases_not_extended", extra={"error": str(error)})
                continue
            for ref in held:
                if ref in self._running and ref in lost:
                    self._running[ref].cancel()
                elif lease := self._leases.get(ref):
                    lease.prolong(asked_at)

    async def _stop_cancelled(self, group: asyncio.TaskGroup) -> None:
        """Stop the turns that run here and that their people cancelled, anywhere."""
        while True:
            self._store.turn_cancelled.clear()
            for turn in await self._cancelled():
                group.create_task(self._stop(turn))
            look_again = self._options.poll if self._running else self._options.lease / 3
            await wait_until(self._store.turn_cancelled, None, self._clock.now(), look_again)

    async def _cancelled(self) -> Collection[TurnId]:
        if not self._running:
            return ()
        try:
            cancelled = await self._store.turns.cancelled()
        except StoreUnavailable as error:
            log.warning("cancelled_turns_not_read", extra={"error": str(error)})
            return ()
        return {ref.id for ref in self._running}.intersection(cancelled)

    async def _stop(self, turn: TurnId) -> None:
        try:
            await self._runner.stop(turn)
        except Exception as error:  # noqa: BLE001 - the loop's edge; it is tried again
            log.warning("turn_not_stopped", extra={"turn": turn, "error": repr(error)})
