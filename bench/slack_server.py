"""What `bench.slack` measures, a process each: our door over SQLite, and a bare bolt app."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import uvloop
from fastapi import FastAPI, Request, Response
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

from adapters.slack.adapter import SlackAdapter
from adapters.slack.options import Options
from adapters.slack.routes import make_router
from gateway.clock import SystemClock
from gateway.domain.people import Route
from gateway.garbage import keep_what_is_loaded
from gateway.http import App, create_server, listen
from gateway.inbox import Inbox
from gateway.rights.access import Access
from gateway.rights.policy import AccessMode, AccessPolicy
from gateway.telemetry import Metrics
from storage.artifacts.memory import MemoryArtifacts
from storage.sqlite import SqliteStore

SECRET = "bench"  # noqa: S105 - known to both sides of the bench
NOWHERE = "http://127.0.0.1:9"
"""Where no Slack answers: names are not told."""


async def main(kind: str, database: Path) -> None:
    """Serve until killed; the first line of the output is the port."""
    serving = stored(database) if kind == "stored" else bare()
    async with serving as app:
        app.add_route("/cpu", cpu)
        with contextlib.closing(listen("127.0.0.1", 0)) as listener:
            keep_what_is_loaded()  # as a gateway does; the bare one gains as much by it
            print(listener.getsockname()[1], flush=True)
            await create_server(app).serve(sockets=[listener])


async def cpu(_: Request) -> Response:
    """Tell the seconds of CPU that this process has used, in all of its threads."""
    return Response(str(time.process_time()))


@contextlib.asynccontextmanager
async def bare() -> AsyncGenerator[FastAPI]:
    """Make a bolt app as its documentation does: verified, acknowledged, and forgotten."""

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id="T1", bot_user_id="UAPP", bot_id="BAPP")

    async def forget() -> None:
        """Do nothing with it."""

    app = AsyncApp(name="bare", signing_secret=SECRET, authorize=authorize)
    app.event("message")(forget)  # pyright: ignore[reportUnknownMemberType] - bolt leaves it open
    handler = AsyncSlackRequestHandler(app)
    served = FastAPI()

    async def take(request: Request) -> Response:
        return await handler.handle(request)

    served.add_api_route("/slack/events", take, methods=["POST"])
    yield served


@contextlib.asynccontextmanager
async def stored(database: Path) -> AsyncGenerator[FastAPI]:
    """Make our adapter in front of the real inbox and store."""
    store, clock = SqliteStore(database), SystemClock()
    await store.open()
    access = Access(AccessPolicy({"slack": AccessMode.OPEN}), store.people, clock)
    inbox = Inbox(store, access, {"postern": Route("postern")}, clock, Metrics())
    adapter = SlackAdapter(
        Options("xoxb-bench", signing_secret=SECRET, api_url=NOWHERE),
        store,
        MemoryArtifacts(clock),
        clock,
    )
    async with asyncio.TaskGroup() as group:
        running = group.create_task(adapter.run(inbox.receive))
        while adapter.app is None:  # noqa: ASYNC110 - nothing tells when the door opens
            await asyncio.sleep(0.01)
        try:
            served = App()
            served.add(make_router(adapter))
            yield served
        finally:
            running.cancel()
    await store.close()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], Path(sys.argv[2])))
