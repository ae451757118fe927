"""The part of a deployment that has the store: it runs the gateway, and answers the other parts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fastapi import FastAPI

from deploy.secret import check_workers, deployed_settings, worker_environ
from deploy.spool import Spool
from deploy.stopped import StoppedWorker
from deploy.tick import Sweeper, has_work, is_listening
from gateway.bootstrap import (
    LISTENER,
    Plugged,
    clock_of,
    desks,
    make_access,
    opened_around,
    opened_store,
    routes,
)
from gateway.data_dir import held
from gateway.domain.conversations import Conversation
from gateway.domain.handed import Handed
from gateway.domain.ids import WorkerId
from gateway.domain.leases import Lease, decide_lease
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Sender
from gateway.domain.schedule_json import activity_json
from gateway.errors import Fenced, SettingsWrong, StoreUnavailable
from gateway.ports import Clock, LeaseStore, Store
from gateway.rivals import Rivals
from gateway.settings import Settings
from storage.sqlite.snapshots import SnapshotFolder, SnapshotOptions, Snapshots

log = logging.getLogger(__name__)

_FENCES_PER_GENERATION = 1_000_000
_LOOKED_EVERY_SECONDS = 1.0
LINGERS_SECONDS = 20.0
"""A worker that is not always there stays for so long after its last piece of work."""
_KEPT_AGAIN_SECONDS = 1.0
_NOBODY = WorkerId("")


class FleetingLeases:
    """The leases of the only worker, in its memory: they cost no snapshot of the database.

    A worker's next life begins with greater fences, so that whoever held a place
    before learns of it.
    """

    def __init__(self, generation: int) -> None:
        self._first = Lease(
            _NOBODY, generation * _FENCES_PER_GENERATION, datetime.min.replace(tzinfo=UTC)
        )
        self._leases: dict[str, Lease] = {}

    async def take(
        self, place: str, holder: WorkerId, now: datetime, length: timedelta
    ) -> Lease | None:
        """Take the place or keep it; see the port."""
        lease = decide_lease(self._leases.get(place, self._first), holder, now, length)
        if lease is not None:
            self._leases[place] = lease
        return lease

    async def let_go(self, place: str, lease: Lease, now: datetime) -> None:
        """End a lease early; see the port."""
        if await self.held(place) == lease:
            self._leases[place] = Lease(lease.holder, lease.fence, now)

    async def held(self, place: str) -> Lease | None:
        """Return the newest lease; see the port."""
        return self._leases.get(place)


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """What a worker is made of, all open."""

    settings: Settings
    clock: Clock
    store: Store
    plugged: Plugged
    leases: LeaseStore
    spool: Spool
    snapshots: Snapshots | None = None
    """None where the store is a Postgres: what it has acknowledged needs no copy."""


class Worker:
    """Runs the gateway. On SQLite it is the only process with the store.

    What `handle` and `accept` have returned from is in the Postgres, or in a
    snapshot on the Volume.
    """

    def __init__(self, parts: WorkerParts) -> None:
        self._parts = parts
        self._access = make_access(parts.settings, parts.store, parts.clock)
        self._rivals = Rivals(parts.store.deliveries, parts.store.leases, parts.clock)
        self.spool_is_empty = asyncio.Event()
        """Set when nothing is left of what a stopped predecessor kept."""
        self._sweeper = Sweeper(parts.settings, parts.store, parts.plugged.ticker, parts.clock)

    @property
    def app(self) -> FastAPI:
        """Every route of the gateway: the web chat, the platforms' doors, `/ready` …"""
        return self._parts.plugged.app

    async def serve(self, stop: asyncio.Event, on_ready: Callable[[], None] = lambda: None) -> None:
        """Run until `stop` is set. Raises a group with Fenced when another worker took over."""
        async with asyncio.TaskGroup() as group:
            beside = [group.create_task(self._take_up_the_spool())]
            if self._parts.snapshots is not None:
                beside.append(group.create_task(self._parts.snapshots.run()))
            await self._parts.plugged.gateway.run(stop, on_ready)
            for task in beside:
                task.cancel()

    async def handle(self, handed: Handed) -> int:
        """Bring a verified request to its door; returns the answer's status when it is durable.

        It never fails: Modal hands a request that failed to nobody again, but one
        that was not returned from when its container ended to the next one.
        """
        status = await self._parts.plugged.doors.take(handed)
        while True:
            try:
                await self._keep()
            except (StoreUnavailable, Fenced) as error:
                log.warning("request_not_kept", extra={"error": str(error)})
                await asyncio.sleep(_KEPT_AGAIN_SECONDS)
            else:
                return status

    async def accept(self, message: InboundMessage, fence: int) -> None:
        """Store what the listener heard. Raises Fenced for a listener that was replaced."""
        lease = await self._parts.leases.held(LISTENER)
        if lease is not None and fence < lease.fence:
            raise Fenced(f"The listener with fence {fence} was replaced ({lease.fence}).")
        await self._parts.plugged.inbox.receive(message)
        await self._keep()

    async def admits(self, sender: Sender, place: Conversation) -> bool:
        """Whether what somebody writes on Discord is heard."""
        return await self._access.hears(sender, place)

    async def heard_own(self, conversation: Conversation, nonce: str) -> None:
        """Look whether a message of our bot was ours."""
        await self._rivals.heard_own(conversation, nonce)

    async def newest_events(self, platform: str) -> list[tuple[Conversation, str]]:
        """Return where a listener begins to look for what it has missed."""
        return list(await self._parts.store.history.newest_events(platform))

    async def take(
        self, place: str, holder: WorkerId, now: datetime, length: timedelta
    ) -> Lease | None:
        """Give a place to the holder, or keep it; by our clock, whoever asks."""
        return await self._parts.leases.take(place, holder, self._parts.clock.now(), length)

    async def let_go(self, place: str, lease: Lease, now: datetime) -> None:
        """End a lease."""
        await self._parts.leases.let_go(place, lease, self._parts.clock.now())

    async def sweep(self) -> dict[str, object]:
        """Do what each minute brings."""
        listens = await is_listening(self._parts.leases, self._parts.clock)
        swept = await self._sweeper.sweep(is_listening=listens)
        await self._keep()
        return swept.as_json()

    async def status(self) -> dict[str, object]:
        """Return how every part is, as `/ready` tells it."""
        _, report = await self._parts.plugged.vitals.report()
        snapshots = self._parts.snapshots
        mode = "postgres" if snapshots is None else f"sqlite, generation {snapshots.generation}"
        return {**report, "mode": mode}

    async def wake(self, agent: str) -> list[str]:
        """Run every schedule of an agent now; returns their ids."""
        desk = desks(self._parts.settings, self._parts.store, self._parts.clock).schedules
        default = next(iter(routes(self._parts.settings)))
        woken = [
            each.id
            async for each in desk.every()
            if each.wakeup is not None and (each.wakeup.role or default) == agent
        ]
        for name in woken:
            await desk.run(name)
        await self._keep()
        return woken

    async def activity(self, agent: str, limit: int) -> list[dict[str, object]]:
        """Return what the agents of this role did by themselves, oldest first."""
        newest = await self._parts.store.fires.activity(agent, None, limit)
        return [activity_json(each) for each in reversed(newest)]

    async def stay(self, lingers_seconds: float = LINGERS_SECONDS) -> None:
        """Return when nothing has been there to do for a while: what keeps a container running."""
        loop = asyncio.get_running_loop()
        idle_since = loop.time()
        while loop.time() - idle_since < lingers_seconds:
            await asyncio.sleep(_LOOKED_EVERY_SECONDS)
            if await has_work(self._parts.store):
                idle_since = loop.time()

    async def _keep(self) -> None:
        if self._parts.snapshots is not None:
            await self._parts.snapshots.flush()

    async def _take_up_the_spool(self) -> None:
        """Bring what a stopped predecessor has kept to its doors."""
        spool = self._parts.spool
        for path in await asyncio.to_thread(spool.waiting):
            handed = await asyncio.to_thread(spool.read, path)
            if handed is None:
                log.error("spooled_request_unreadable", extra={"file": path.name})
                continue
            await self.handle(handed)
            await asyncio.to_thread(spool.drop, path)
        self.spool_is_empty.set()


@asynccontextmanager
async def opened_role(
    environ: Mapping[str, str], folder: SnapshotFolder, options: SnapshotOptions | None = None
) -> AsyncGenerator[Worker | StoppedWorker]:
    """Open a worker; where the operator has to change something, one that says what."""
    spool = _spool(folder)
    async with AsyncExitStack() as stack:
        try:
            settings = deployed_settings(worker_environ(environ))
            check_workers(settings, environ)
            opened = opened_worker(settings, folder, options)
            role = await stack.enter_async_context(opened)
        except SettingsWrong as error:
            role = StoppedWorker(str(error), spool)
        yield role


@asynccontextmanager
async def opened_worker(
    settings: Settings, folder: SnapshotFolder, options: SnapshotOptions | None = None
) -> AsyncGenerator[Worker]:
    """Open everything; on SQLite from the newest snapshot, with a last one at the end.

    Raises SettingsWrong when the database or the snapshots can not be used.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(held(settings.data_dir))
        path, snapshots = settings.sqlite_path, None
        if path is not None:
            snapshots = Snapshots(path, folder, options)
            await snapshots.restore()
        store = await stack.enter_async_context(opened_store(settings))
        leases: LeaseStore = store.leases
        if snapshots is not None:
            stack.push_async_callback(_publish_the_rest, snapshots)
            await snapshots.begin()
            leases = FleetingLeases(snapshots.generation)
        plugged = await stack.enter_async_context(opened_around(settings, store))
        clock = clock_of(settings, store)
        parts = WorkerParts(settings, clock, store, plugged, leases, _spool(folder), snapshots)
        yield Worker(parts)


def _spool(folder: SnapshotFolder) -> Spool:
    return Spool(Path(folder.path).with_name("spool"), folder.commit)


async def _publish_the_rest(snapshots: Snapshots) -> None:
    try:
        await snapshots.close()
    except (Fenced, StoreUnavailable) as error:
        log.error("last_snapshot_failed", extra={"error": str(error)})  # noqa: TRY400 - a sentence
