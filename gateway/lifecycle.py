"""Starts the parts of a gateway in order, keeps them going, and stops them in reverse."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from gateway.dispatcher import Dispatcher
from gateway.domain.ids import WorkerId
from gateway.errors import SettingsWrong, StoreUnavailable
from gateway.http import HttpServer
from gateway.inbox import Inbox
from gateway.outbox import Outbox
from gateway.ports import Adapter, Clock, Store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Web:
    """The HTTP server and the port that it was given; the port is bound before all else."""

    server: HttpServer
    listener: socket.socket


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """What is done now and then."""

    retention: timedelta | None
    """Contents of what ended longer ago than this are dropped; None keeps them for ever."""
    audit_retention: timedelta | None = None
    """The audit log is kept so long; None keeps it for ever."""
    every: timedelta = timedelta(hours=1)
    rows_per_commit: int = 500


class Part(Protocol):
    """Something that runs beside the rest, for as long as the gateway does."""

    async def run(self) -> None:
        """Run until cancelled; whatever befalls it, it goes on."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that a gateway consists of, made and plugged together by bootstrap."""

    worker: WorkerId
    clock: Clock
    store: Store
    inbox: Inbox
    outbox: Outbox
    dispatcher: Dispatcher
    adapters: Sequence[Adapter]
    housekeeping: Housekeeping
    web: Web | None = None
    beside: Sequence[Part] = ()
    drain_seconds: float = 10.0


class Gateway:
    """A gateway from its start to its end. What was acknowledged is never lost by a stop."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def run(
        self,
        stop: asyncio.Event,
        on_ready: Callable[[], None] = lambda: None,
        until: str | None = None,
    ) -> None:
        """Serve until `stop` is set; then finish what runs, within limits.

        The store is open before and closed after. `on_ready` is called when every
        part has begun. Where a channel is named by `until`, its end sets `stop`.
        """
        await self._recover()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(part) for part in self._running_parts(stop, until)]
            if self._parts.web is not None:
                group.create_task(self._serve(self._parts.web))
            on_ready()
            await stop.wait()
            await self._drain()
            for task in tasks:
                task.cancel()
            if self._parts.web is not None:
                self._parts.web.server.ask_to_stop()

    async def _serve(self, web: Web) -> None:
        """Serve HTTP until asked to stop; open requests are let go with their channels."""
        await web.server.serve(sockets=[web.listener])

    async def _recover(self) -> None:
        """Take up what the process before this one left behind."""
        now = self._parts.clock.now()
        store, worker = self._parts.store, self._parts.worker
        turns = await store.turns.recover(now, predecessor=worker)
        deliveries = await store.deliveries.recover(now, predecessor=worker)
        if turns or deliveries:
            log.info("recovered", extra={"turns": turns, "deliveries": deliveries})

    def _running_parts(
        self, stop: asyncio.Event, until: str | None
    ) -> list[Coroutine[None, None, None]]:
        parts = self._parts
        running: list[Coroutine[None, None, None]] = [parts.outbox.run(), parts.dispatcher.run()]
        for adapter in parts.adapters:
            at_end = stop.set if adapter.platform == until else _nothing
            running.append(self._keep_running(adapter, at_end))
        running += [part.run() for part in parts.beside]
        running.append(self._keep_house())
        return running

    async def _keep_running(self, adapter: Adapter, at_end: Callable[[], None]) -> None:
        """Run a channel; one that fails is started again, and never stops the others."""
        wait = 1.0
        while await self._run_once(adapter):
            await asyncio.sleep(wait)
            wait = min(60.0, wait * 2)
        at_end()

    async def _run_once(self, adapter: Adapter) -> bool:
        """Run a channel until it ends; return whether to start it again."""
        try:
            await adapter.run(self._parts.inbox.receive)
        except SettingsWrong as error:
            details = {"channel": adapter.platform, "error": str(error)}
            log.error("channel_off", extra=details)  # noqa: TRY400 - the sentence says it all
        except Exception:
            # The loop's edge: whatever befalls one platform, the others go on.
            log.exception("channel_failed", extra={"channel": adapter.platform})
            return True
        return False

    async def _keep_house(self) -> None:
        house, history = self._parts.housekeeping, self._parts.store.history
        while house.retention is not None or house.audit_retention is not None:
            await asyncio.sleep(house.every.total_seconds())
            try:
                await self._drop("contents", history.retain, house.retention)
                await self._drop("audit", history.retain_audit, house.audit_retention)
            except StoreUnavailable as error:
                log.warning("retention_put_off", extra={"error": str(error)})

    async def _drop(
        self,
        what: str,
        retain: Callable[[datetime, int], Awaitable[int]],
        kept_for: timedelta | None,
    ) -> None:
        if kept_for is None:
            return
        before, dropped = self._parts.clock.now() - kept_for, 0
        while count := await retain(before, self._parts.housekeeping.rows_per_commit):
            dropped += count
        if dropped:
            log.info("retention_dropped", extra={"what": what, "rows": dropped})

    async def _drain(self) -> None:
        """Let running turns end and their answers go out, for as long as is allowed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._parts.drain_seconds):
                await self._parts.dispatcher.drain()
                await self._parts.outbox.drain()


def _nothing() -> None:
    """Let the others go on."""
