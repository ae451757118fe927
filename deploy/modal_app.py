"""The deployment on Modal: `modal deploy --strategy recreate deploy/modal_app.py`.

Only what runs where, with what, and how often: what the parts do is in the files beside it.
Importing it needs no account and no network. It is deployed and never run: `modal run` would
start a second worker, which takes the Volume over. What one asks of it is in modal_cli.py.
"""

# Modal types its decorators and remote calls in part only; what they carry is typed elsewhere.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false, reportCallIssue=false

from __future__ import annotations

import asyncio
import logging
import math
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import modal

from deploy.image import make_image
from deploy.scale import INGRESS_MIN, WORKER_MAX, WORKER_MIN, sleeps, workers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import timedelta

    from deploy.listener import Line
    from deploy.stopped import StoppedWorker
    from deploy.worker import Worker as RunningWorker
    from gateway.domain.conversations import Conversation
    from gateway.domain.handed import Handed
    from gateway.domain.ids import WorkerId
    from gateway.domain.leases import Lease
    from gateway.domain.messages import InboundMessage
    from gateway.domain.people import Sender

    Role = RunningWorker | StoppedWorker

NAME = "postern"
SECRET_KEYS = ["POSTERN_HTTP__ADMIN_TOKEN", "LETTA_API_KEY"]
INGRESS_MIN_CONTAINERS = int(os.environ.get(INGRESS_MIN, "1"))
WORKERS_AT_LEAST, WORKERS_AT_MOST = workers(os.environ)
WOKEN_EVERY_SECONDS = 10.0
"""A worker that is not always there lingers for longer than this."""
WORKER_TIMEOUT_SECONDS = 3600
"""Bounds a WebSocket of the web chat; the page connects again by itself."""
DAY_SECONDS = 24 * 60 * 60
ROTATION_SECONDS = 23.5 * 60 * 60
"""The listener ends by itself before Modal ends it."""

DATA, ARTIFACTS, CACHE = "/data", "/artifacts", "/cache"
LIVE = "/var/lib/postern"
"""On the container's own disk: a live database on a Volume gets damaged."""


def _environ() -> dict[str, str]:
    """Return what every container is told beside the secret."""
    return {
        "POSTERN_DATA_DIR": LIVE,
        "POSTERN_CONFIG": f"{DATA}/config/postern.toml",
        "POSTERN_ARTIFACTS__URL": f"modal://postern-artifacts{ARTIFACTS}",
        WORKER_MIN: str(WORKERS_AT_LEAST),
        WORKER_MAX: str(WORKERS_AT_MOST),
    }


app = modal.App(NAME, image=make_image(_environ()))
secret = modal.Secret.from_name(NAME, required_keys=SECRET_KEYS)
data = modal.Volume.from_name("postern-data", create_if_missing=True)
artifacts = modal.Volume.from_name("postern-artifacts", create_if_missing=True)
cache = modal.Volume.from_name("postern-cache", create_if_missing=True)
VOLUMES: dict[Any, Any] = {DATA: data, ARTIFACTS: artifacts, CACHE: cache}  # as Modal types it


@app.function(
    secrets=[secret],
    min_containers=INGRESS_MIN_CONTAINERS,
    timeout=60,
    cpu=0.25,
    memory=256,
    enable_memory_snapshot=True,  # of imports alone: what is opened, is opened by a request
)
@modal.concurrent(max_inputs=100)
@modal.asgi_app()
def ingress() -> Any:  # an ASGI app
    """Verify what platforms send, keep it where a worker finds it, and acknowledge."""
    from deploy.ingress import Keys, make_ingress
    from deploy.keeper import Keeper, postgres_url

    def now() -> datetime:
        return datetime.now(UTC)

    async def spawn(handed: Handed) -> None:
        await Worker().handle.spawn.aio(handed)

    keys = Keys(
        slack_signing_secret=os.environ.get("SLACK_SIGNING_SECRET"),
        discord_public_key=os.environ.get("DISCORD_PUBLIC_KEY"),
    )
    url = postgres_url(os.environ)
    if url is None:
        return make_ingress(keys, spawn, now)
    keeper = Keeper(url, now)

    async def keep(handed: Handed) -> None:
        await keeper.keep(handed)
        if sleeps(os.environ):
            await _wake_a_worker()

    return make_ingress(keys, keep, now, look=keeper.look)


@app.cls(
    secrets=[secret],
    volumes=VOLUMES,
    min_containers=WORKERS_AT_LEAST,
    max_containers=WORKERS_AT_MOST,
    timeout=WORKER_TIMEOUT_SECONDS,
    startup_timeout=600,  # a large database takes its time to be restored
    cpu=0.5,
    memory=1024,
)
@modal.concurrent(max_inputs=1000)
class Worker:
    """The gateway, its outbox, and the web chat. On SQLite there is one, which has the file."""

    @modal.enter()
    async def begin(self) -> None:
        """Open the database and serve; without it, say what is wrong and keep what comes."""
        from gateway.garbage import keep_what_is_loaded

        self._stop = asyncio.Event()
        ready = asyncio.Event()
        opened: asyncio.Future[Role] = asyncio.get_running_loop().create_future()
        # Kept until `end` awaits it: Modal's hooks are the only parent it can have.
        self._serving = asyncio.create_task(_serve(self._stop, ready, opened))
        first = [self._serving, asyncio.create_task(ready.wait())]
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        first[1].cancel()
        if self._serving.done():
            await self._serving
        self._role = opened.result()
        keep_what_is_loaded()

    @modal.exit()
    async def end(self) -> None:
        """Finish what runs and publish the last snapshot."""
        self._stop.set()
        await self._serving

    @modal.asgi_app()
    def web(self) -> Any:  # an ASGI app
        """The web chat with its WebSocket, `/ready`, `/metrics` and the platforms' doors."""
        return self._role.app

    @modal.method()
    async def handle(self, handed: Handed) -> int:
        """Bring a verified request to its door."""
        return await self._role.handle(handed)

    @modal.method()
    async def accept(self, message: InboundMessage, fence: int) -> None:
        """Store what the listener heard."""
        await self._role.accept(message, fence)

    @modal.method()
    async def admits(self, sender: Sender, place: Conversation) -> bool:
        """Tell a listener who may talk."""
        return await self._role.admits(sender, place)

    @modal.method()
    async def heard_own(self, conversation: Conversation, nonce: str) -> None:
        """Be told by a listener what our bot posted."""
        await self._role.heard_own(conversation, nonce)

    @modal.method()
    async def newest_events(self, platform: str) -> list[tuple[Conversation, str]]:
        """Tell a listener where to look for what it has missed."""
        return await self._role.newest_events(platform)

    @modal.method()
    async def take(
        self, place: str, holder: WorkerId, now: datetime, length: timedelta
    ) -> Lease | None:
        """Give or keep the listener's place."""
        return await self._role.take(place, holder, now, length)

    @modal.method()
    async def let_go(self, place: str, lease: Lease, now: datetime) -> None:
        """Free the listener's place."""
        await self._role.let_go(place, lease, now)

    @modal.method()
    async def sweep(self) -> dict[str, object]:
        """Do what each minute brings."""
        return await self._role.sweep()

    @modal.method()
    async def report(self) -> dict[str, object]:
        """Tell how every part is."""
        return await self._role.status()

    @modal.method()
    async def wake(self, agent: str) -> list[str]:
        """Run the schedules of an agent now."""
        return await self._role.wake(agent)

    @modal.method()
    async def activity(self, agent: str, limit: int) -> list[dict[str, object]]:
        """Tell what an agent did by itself."""
        return await self._role.activity(agent, limit)

    @modal.method()
    async def stay(self) -> None:
        """Keep this container for as long as there is something to do."""
        await self._role.stay()


@app.function(
    secrets=[secret],
    volumes={DATA: data.with_mount_options(read_only=True)},
    schedule=modal.Cron("* * * * *"),
    max_containers=1,
    timeout=50,
    scaledown_window=2,  # else it would be warm, and paid for, all the time
    cpu=0.125,
    memory=256,
)
async def tick() -> dict[str, object]:
    """Once a minute: sweep, and start the Discord listener where nobody listens."""
    found = await _sweep()
    if found["needs_listener"]:
        await discord_listener.spawn.aio()
    if found["has_work"] and sleeps(os.environ):
        await _wake_a_worker()
    return found


@app.function(
    secrets=[secret],
    volumes={DATA: data.with_mount_options(read_only=True), ARTIFACTS: artifacts},
    max_containers=1,
    timeout=DAY_SECONDS,
    cpu=0.25,
    memory=512,
)
async def discord_listener() -> None:
    """Hold Discord's gateway connection for a day at most; all that it hears is stored at once."""
    from contextlib import AsyncExitStack

    from deploy.keeper import postgres_url
    from deploy.listener import Turnout, WorkerLine, listen, opened_line
    from deploy.secret import deployed_settings
    from gateway.clock import SystemClock
    from gateway.telemetry import set_up_logging

    settings = deployed_settings(os.environ)
    set_up_logging(secrets=settings.secrets(), level=logging.INFO)
    holder: Any = f"{os.environ.get('MODAL_TASK_ID', 'local')}-{time.time_ns()}"
    async with AsyncExitStack() as stack:
        line: Line = WorkerLine(_ask_the_worker)
        if postgres_url(os.environ) is not None:
            line = await stack.enter_async_context(opened_line(settings))
        turnout = Turnout(holder, ROTATION_SECONDS)
        is_rotating = await listen(settings, line, SystemClock(), turnout)
    if is_rotating:
        await discord_listener.spawn.aio()


async def _ask_the_worker(method: str, *arguments: object) -> Any:  # what its methods return
    """Call the worker that has the SQLite file."""
    return await _told_as_unavailable(getattr(Worker(), method).remote.aio(*arguments))


async def _sweep() -> dict[str, object]:
    """Sweep the Postgres here; the SQLite file is the worker's."""
    from deploy.keeper import postgres_url

    if postgres_url(os.environ) is None:
        return await Worker().sweep.remote.aio()
    from deploy.secret import deployed_settings
    from deploy.tick import sweep_once
    from gateway.errors import SettingsWrong

    try:
        return (await sweep_once(deployed_settings(os.environ))).as_json()
    except SettingsWrong as error:
        logging.getLogger(__name__).critical("tick_stopped", extra={"error": str(error)})
        return {"stopped": str(error), "has_work": False, "needs_listener": False}


_woken_at = -math.inf
"""When this container last woke a worker, on the clock that only goes forward."""


async def _wake_a_worker() -> None:
    """Give a container a reason to run; a burst of events is one reason."""
    global _woken_at
    if time.monotonic() - _woken_at < WOKEN_EVERY_SECONDS:
        return
    _woken_at = time.monotonic()
    await Worker().stay.spawn.aio()


async def _told_as_unavailable(call: Awaitable[Any]) -> Any:  # what Modal's calls return
    """Wait for the worker; that it can not be reached is said in words the listener knows."""
    from gateway.errors import StoreUnavailable

    try:
        return await call
    except (modal.exception.Error, ConnectionError, TimeoutError) as error:
        raise StoreUnavailable(f"The worker can not be asked now: {error}") from error


async def _serve(stop: asyncio.Event, ready: asyncio.Event, opened: asyncio.Future[Role]) -> None:
    """Run the worker; one that was replaced ends its container on the spot."""
    from deploy.worker import opened_role
    from gateway.errors import Fenced
    from gateway.telemetry import set_up_logging
    from storage.sqlite.snapshots import SnapshotFolder

    set_up_logging(secrets=_secrets(), level=logging.INFO)
    place = SnapshotFolder(
        _snapshot_folder(),
        commit=lambda: _told_as_os_error(data.commit),
        reload=lambda: _told_as_os_error(data.reload),
    )
    try:
        async with opened_role(os.environ, place) as role:
            opened.set_result(role)
            await role.serve(stop, ready.set)
    except* Fenced:
        logging.getLogger(__name__).critical("worker_replaced")
        os._exit(1)


def _secrets() -> list[str]:
    """Return what no log may show; when the settings can not be read, all that could be one."""
    from deploy.secret import deployed_settings
    from gateway.errors import SettingsWrong

    try:
        return deployed_settings(os.environ).secrets()
    except SettingsWrong:
        words = ("TOKEN", "SECRET", "KEY", "DATABASE_URL")
        return [text for name, text in os.environ.items() if any(word in name for word in words)]


def _told_as_os_error(call: Callable[[], object]) -> None:
    """Call the Volume; a failure of Modal's is one of the disk's to those who know no Modal."""
    try:
        call()
    except (modal.exception.Error, RuntimeError) as error:
        raise OSError(f"the Volume failed: {error}") from error


def _snapshot_folder() -> Path:
    """Return the folder on the Volume; what is missing without the mount is not made."""
    folder = Path(DATA, "snapshots")
    if Path(DATA).is_dir():
        folder.mkdir(exist_ok=True)
    return folder
