"""What the parts of a deployment do, as plain Python: Modal runs it, and so does a local process.

Today one worker with SQLite is wired. It alone opens the store; all others ask it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import httpx
from fastapi import FastAPI

from deploy.handed import Handed, freshly_signed
from deploy.leases import Lease, decide_lease, is_vacant
from gateway.access import Access
from gateway.bootstrap import (
    Spokes,
    access_policy,
    make_doors,
    opened_artifacts,
    opened_mind,
    opened_store,
    plug,
    routes,
)
from gateway.clock import SystemClock
from gateway.data_dir import held
from gateway.domain.conversations import Conversation
from gateway.domain.messages import InboundMessage
from gateway.errors import Fenced, SettingsWrong, StoreUnavailable
from gateway.http import Vitals, create_app
from gateway.inbox import Inbox
from gateway.lifecycle import Gateway
from gateway.ports import Accept, Adapter, Clock, Store
from gateway.settings import Settings
from gateway.telemetry import Metrics
from storage.sqlite.snapshots import SnapshotFolder, SnapshotOptions, Snapshots

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=45)
RENEWED_EVERY_SECONDS = 10.0
_FENCES_PER_GENERATION = 1_000_000
_LONGEST_WAIT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """What a worker is made of, all open."""

    settings: Settings
    clock: Clock
    store: Store
    snapshots: Snapshots
    inbox: Inbox
    gateway: Gateway
    app: FastAPI
    vitals: Vitals


class Worker:
    """The one process with the store: takes what is handed over, and runs the gateway.

    What `handle` and `accept` have returned from is in a snapshot on the Volume.
    """

    def __init__(self, parts: WorkerParts) -> None:
        self._parts = parts
        self._lease: Lease | None = None
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=parts.app), base_url="http://worker"
        )

    @property
    def app(self) -> FastAPI:
        """Every route of the gateway: the web chat, the platforms' doors, `/ready` …"""
        return self._parts.app

    async def serve(self, stop: asyncio.Event, on_ready: Callable[[], None] = lambda: None) -> None:
        """Run until `stop` is set. Raises a group with Fenced when another worker took over."""
        async with asyncio.TaskGroup() as group:
            publishing = group.create_task(self._parts.snapshots.run())
            await self._parts.gateway.run(stop, on_ready)
            publishing.cancel()

    async def handle(self, handed: Handed) -> int:
        """Bring a verified request to its door and return the answer's status.

        While the store or the door is not ready it is tried again, so that what
        was acknowledged by the ingress is only let go when it is kept.
        """
        wait = 0.1
        while (status := await self._replay(handed)) >= 500:
            await asyncio.sleep(wait)
            wait = min(_LONGEST_WAIT_SECONDS, wait * 2)
        await self._parts.snapshots.flush()
        if status >= 400:
            log.error("handed_request_refused", extra={"path": handed.path, "status": status})
        return status

    async def accept(self, message: InboundMessage, fence: int) -> None:
        """Store what the listener heard. Raises Fenced for a listener that was replaced."""
        if self._lease is not None and fence < self._lease.fence:
            raise Fenced(f"The listener with fence {fence} was replaced ({self._lease.fence}).")
        await self._parts.inbox.receive(message)
        await self._parts.snapshots.flush()

    async def newest_events(self, platform: str) -> list[tuple[Conversation, str]]:
        """Return where a listener begins to look for what it has missed."""
        return list(await self._parts.store.history.newest_events(platform))

    async def renew_lease(self, holder: str) -> int | None:
        """Give the listener's place to the holder, or keep it; None while another one has it."""
        first = self._parts.snapshots.generation * _FENCES_PER_GENERATION
        now = self._parts.clock.now()
        lease = decide_lease(self._lease, holder, now, LEASE, first)
        self._lease = lease or self._lease
        return None if lease is None else lease.fence

    async def sweep(self) -> dict[str, object]:
        """Do what each minute brings: take up what a dead lease holds, publish, look around."""
        now = self._parts.clock.now()
        turns = await self._parts.store.turns.recover(now)
        deliveries = await self._parts.store.deliveries.recover(now)
        await self._parts.snapshots.flush()
        vacant = self._parts.settings.discord.token is not None and is_vacant(self._lease, now)
        return {"turns": turns, "deliveries": deliveries, "needs_listener": vacant}

    async def status(self) -> dict[str, object]:
        """Return how every part is, as `/ready` tells it."""
        _, report = await self._parts.vitals.report()
        return {**report, "generation": self._parts.snapshots.generation}

    async def close(self) -> None:
        """Let the inner client go."""
        await self._http.aclose()

    async def _replay(self, handed: Handed) -> int:
        secret = self._parts.settings.slack.signing_secret
        fresh = freshly_signed(
            handed, secret.get_secret_value() if secret else None, self._parts.clock.now()
        )
        answer = await self._http.post(fresh.path, content=fresh.body, headers=dict(fresh.headers))
        return answer.status_code


@asynccontextmanager
async def opened_worker(
    settings: Settings, folder: SnapshotFolder, options: SnapshotOptions | None = None
) -> AsyncGenerator[Worker]:
    """Restore the database, open everything, and publish what is left at the end.

    Raises SettingsWrong when the snapshots can not be used, or for Postgres,
    which is not wired here yet.
    """
    path = settings.sqlite_path
    if path is None:
        raise SettingsWrong(
            "Postgres is not wired into deployments yet. Leave DATABASE_URL out of the secret: "
            "one worker then keeps a SQLite file, with snapshots on the Volume."
        )
    async with AsyncExitStack() as stack:
        stack.enter_context(held(settings.data_dir))
        snapshots = Snapshots(path, folder, options)
        await snapshots.restore()
        store = await stack.enter_async_context(opened_store(settings))
        stack.push_async_callback(_publish_the_rest, snapshots)
        await snapshots.begin()
        clock = SystemClock()
        artifacts = await stack.enter_async_context(opened_artifacts(settings, clock))
        mind = await stack.enter_async_context(opened_mind(settings, store, artifacts, clock))
        metrics = Metrics()
        adapters, routers = make_doors(settings, store, artifacts, clock, mind.runtime)
        token = settings.http.admin_token
        vitals = Vitals(store, mind.runtime, {each.platform: each.health for each in adapters})
        worker = Worker(
            WorkerParts(
                settings=settings,
                clock=clock,
                store=store,
                snapshots=snapshots,
                inbox=make_inbox(settings, store, clock, metrics),
                gateway=plug(
                    settings, Spokes(clock, metrics, store, artifacts, mind, adapters, routers)
                ),
                app=create_app(
                    vitals, store, metrics, routers, token.get_secret_value() if token else None
                ),
                vitals=vitals,
            )
        )
        stack.push_async_callback(worker.close)
        yield worker


def make_inbox(settings: Settings, store: Store, clock: Clock, metrics: Metrics) -> Inbox:
    """Return a way in beside the adapters', for what the listener forwards."""
    access = Access(access_policy(settings), store.people)
    return Inbox(store, access, routes(settings), clock, metrics)


async def _publish_the_rest(snapshots: Snapshots) -> None:
    try:
        await snapshots.close()
    except (Fenced, StoreUnavailable) as error:
        log.error("last_snapshot_failed", extra={"error": str(error)})  # noqa: TRY400 - a sentence


Renew = Callable[[], Awaitable[int | None]]
"""Renews the listener's lease and returns its fence; None when another one holds it."""


async def listen(
    make_adapter: Callable[[int], tuple[Adapter, Accept]],
    renew: Renew,
    seconds: float,
    renewed_every: float = RENEWED_EVERY_SECONDS,
) -> None:
    """Hold a platform's connection under a lease, for at most so long.

    Returns at once when another one holds it, and closes the connection as soon
    as the lease can not be renewed: two never listen with the same right.
    """
    fence = await renew()
    if fence is None:
        return
    adapter, accept = make_adapter(fence)
    async with asyncio.TaskGroup() as group:
        listening = group.create_task(adapter.run(accept))
        try:
            async with asyncio.timeout(seconds):
                while not listening.done():
                    await asyncio.wait([listening], timeout=renewed_every)
                    if await renew() != fence:
                        log.warning("listener_replaced", extra={"fence": fence})
                        break
        except TimeoutError:
            log.info("listener_rotates", extra={"fence": fence})
        finally:
            listening.cancel()
