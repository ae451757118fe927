"""One container of a deployment on SQLite, as a process: `python -m tests.crash.container PART`.

Each has a disk of its own (`POSTERN_DATA_DIR`), which is thrown away with it; a worker sees a
Volume besides (`VOLUME`), of which only what it commits is there for the next one.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn

from gateway.place import PlaceOptions
from tests.crash.cloud import RAISE, RETURN, WORKER, Wire, called, spawned, wired

TICK_SECONDS = 1.0
"""In place of Modal's minute."""
MOUNT, JOURNAL = "mount", "journal"


@dataclass(frozen=True, slots=True)
class Mount:
    """A Volume as one container sees it: what others commit shows after a reload only."""

    seen: Path
    volume: Path

    def commit(self) -> None:
        """Make what is here durable, whatever it is."""
        _mirror(self.seen, self.volume)

    def reload(self) -> None:
        """Show what is durable."""
        _mirror(self.volume, self.seen)


def _mirror(source: Path, target: Path) -> None:
    """Make the flat folders below `target` hold the files of those below `source`."""
    target.mkdir(parents=True, exist_ok=True)
    wanted = {path.relative_to(source) for path in source.rglob("*") if path.is_file()}
    present = {path.relative_to(target) for path in target.rglob("*") if path.is_file()}
    for name in sorted(wanted - present):
        (target / name).parent.mkdir(exist_ok=True)
        arriving = target.with_name(f"{target.name}.arriving")
        shutil.copyfile(source / name, arriving)
        arriving.replace(target / name)
    for name in present - wanted:
        (target / name).unlink()


@dataclass(frozen=True, slots=True)
class Journal:
    """When the worker began to look at the Volume, and when a commit of it was done."""

    path: Path

    def noting(self, what: str, act: Callable[[], None]) -> Callable[[], None]:
        """Return the act; its time is noted when it begins ("began") or is over ("committed")."""

        def noted() -> None:
            at = time.time()
            act()
            moment = at if what == "began" else time.time()
            with self.path.open("a") as file:
                file.write(f"{what} {moment}\n")

        return noted

    def last_published(self) -> float | None:
        """Return when the last publishing that came to its end began; None without any."""
        began: float | None = None
        published: float | None = None
        for line in self.path.read_text().splitlines() if self.path.exists() else ():
            what, moment = line.split()
            if what == "began":
                began = float(moment)
            else:
                published = began
        return published


async def ingress(cloud: int, stop: asyncio.Event) -> None:
    """Verify, queue, acknowledge."""
    from deploy.ingress import Keys, make_ingress

    keys = Keys(os.environ["SLACK_SIGNING_SECRET"], os.environ["DISCORD_PUBLIC_KEY"])
    hand_over = partial(spawned, cloud, "handle")
    await _serve(make_ingress(keys, hand_over, lambda: datetime.now(UTC)), stop)


async def tick(cloud: int, stop: asyncio.Event) -> None:
    """Have the worker sweep, however long there is none."""
    _say("Ready")
    while not stop.is_set():
        await called(cloud, "sweep")
        await asyncio.sleep(TICK_SECONDS)


async def listener(cloud: int, stop: asyncio.Event) -> None:
    """Hold Discord's connection whenever the worker gives the place."""
    from deploy.listener import Turnout, WorkerLine, listen
    from deploy.secret import deployed_settings
    from gateway.clock import SystemClock
    from gateway.domain.ids import WorkerId

    settings, line = deployed_settings(os.environ), WorkerLine(partial(called, cloud))
    quick = PlaceOptions(timedelta(seconds=3), renewed_every_seconds=0.3)
    _say("Ready")
    while not stop.is_set():
        holder = WorkerId(f"listener {time.time_ns()}")
        await listen(settings, line, SystemClock(), Turnout(holder, options=quick))
        await asyncio.sleep(0.1)


async def worker(cloud: int, stop: asyncio.Event) -> None:
    """Restore, serve, and do what is handed out."""
    from deploy.worker import opened_role
    from storage.sqlite.snapshots import SnapshotFolder

    disk = Path(os.environ["POSTERN_DATA_DIR"])
    disk.mkdir(mode=0o700, parents=True)  # noqa: ASYNC240 - nothing else runs yet
    mount, journal = Mount(disk / MOUNT, Path(os.environ["VOLUME"])), Journal(disk / JOURNAL)
    mount.reload()
    (mount.seen / "snapshots").mkdir(exist_ok=True)
    folder = SnapshotFolder(
        mount.seen / "snapshots",
        commit=journal.noting("committed", mount.commit),
        reload=journal.noting("began", mount.reload),
    )
    ready = asyncio.Event()
    async with (
        opened_role(os.environ, folder) as role,
        wired(cloud) as wire,
        asyncio.TaskGroup() as group,
    ):
        serving = group.create_task(role.serve(stop, ready.set))
        await ready.wait()
        await wire.send(WORKER)
        _say(str((await role.status())["ready"]))
        working = group.create_task(_work(wire, role))
        await serving
        working.cancel()


async def _work(cloud: Wire, role: object) -> None:
    async with asyncio.TaskGroup() as group:
        while True:
            number, method, arguments = await cloud.receive()
            group.create_task(_do(cloud, number, getattr(role, method)(*arguments)))


async def _do(cloud: Wire, number: int, call: Coroutine[Any, Any, object]) -> None:
    try:
        result = await call
    except Exception as error:  # noqa: BLE001 - it is raised where it was called, as Modal does
        await cloud.send(number, RAISE, error)
    else:
        await cloud.send(number, RETURN, result)


async def _serve(app: Any, stop: asyncio.Event) -> None:
    from gateway.http import HttpServer, listen

    server = HttpServer(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
    with listen("127.0.0.1", 0) as listener:
        _say(f"Ready at http://127.0.0.1:{listener.getsockname()[1]}")
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve(sockets=[listener]))
            await stop.wait()
            server.ask_to_stop()


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - how the test learns of it


def main() -> None:
    """Be the part that was asked for, until SIGTERM."""
    from gateway.cli.running import run_until_stopped
    from gateway.telemetry import set_up_logging

    set_up_logging(secrets=[], level=logging.INFO)
    part = {"ingress": ingress, "tick": tick, "listener": listener, "worker": worker}[sys.argv[1]]

    async def serve(stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(part(int(os.environ["CLOUD"]), stop))
            if part in (tick, listener):  # they wait for a worker, who may never come again
                await stop.wait()
                running.cancel()

    run_until_stopped(serve)


if __name__ == "__main__":
    main()
