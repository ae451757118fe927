"""A whole hub behind the Slack adapter, whose Slack is the one of `slack_server`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass, field, replace

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.slack.adapter import SlackAdapter
from adapters.slack.options import Options
from adapters.slack.routes import make_router
from agents.scripted import Say, ScriptedAgents, Step
from gateway.access import AccessMode, AccessPolicy
from gateway.clock import SystemClock
from gateway.domain.turns import InputMessage, RunRequest
from gateway.http import create_server, listen
from gateway.ports import Adapter, Store, Streaming
from gateway.retries import RetryPolicy
from storage.memory import MemoryStore
from tests.fakes.hub import FakeHub, HubOptions
from tests.platforms.slack_server import SlackServer, SlackSettings

RETRIES = (0.02, 0.1, 0.3)
"""Seconds until Slack sends an event again, in place of its 0, 60 and 300."""


@dataclass
class Ways:
    """How the app is connected, and what of it tests vary."""

    is_http: bool = True
    is_socket: bool = False
    options: Options = field(
        default_factory=lambda: Options(
            bot_token="",
            streaming=Streaming(0.05, hold_seconds=0.2),
            history_lag_seconds=0.3,
            status_delay_seconds=0.2,
        )
    )


class SlackHub:
    """A store, agents and an adapter of ours, and people on a Slack of the tests."""

    def __init__(self, slack: SlackServer, store: Store, ways: Ways) -> None:
        self.slack = slack
        self.ways = ways
        self.hub = FakeHub(
            store,
            clock=SystemClock(),
            options=HubOptions(
                access=AccessPolicy(modes={"slack": AccessMode.OPEN}),
                sending=RetryPolicy(first_seconds=0.05, longest_seconds=0.5),
                adapters=self._new_adapters,
            ),
        )
        self.agents.script = answer
        self._server = _SwappedServer()

    @property
    def agents(self) -> ScriptedAgents:
        """Those who answer."""
        return self.hub.agents

    @property
    def adapter(self) -> SlackAdapter:
        """The adapter of the newest life."""
        return self._adapter

    @property
    def events_url(self) -> str:
        """Where Slack sends its events."""
        return f"http://127.0.0.1:{self._server.port}/slack/events"

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncGenerator[SlackHub]:
        """Listen, so that lives may come and go behind one address."""
        async with self._server.listening():
            if self.ways.is_http:
                self.slack.events_url = self.events_url
            yield self

    @contextlib.asynccontextmanager
    async def living(self) -> AsyncGenerator[None]:
        """Run as one process does; leaving it is a crash."""
        async with self.hub.running():
            await self.is_connected()
            yield

    async def is_connected(self) -> None:
        """Wait until the adapter says that it is ready."""
        await self.slack.until(lambda: self.adapter.health().is_ready)

    def _new_adapters(self) -> Sequence[Adapter]:
        slack = self.slack
        options = replace(
            self.ways.options,
            bot_token=slack.bot_token(),
            signing_secret=slack.app.signing_secret,
            app_token=slack.app.app_token if self.ways.is_socket else None,
            api_url=slack.api_url,
        )
        self._adapter = SlackAdapter(options, self.hub.store.history, self.hub.clock)
        app = FastAPI()
        app.include_router(make_router(self._adapter))
        self._server.app = app
        return [self._adapter]


@contextlib.asynccontextmanager
async def slack_hub(
    settings: SlackSettings | None = None, ways: Ways | None = None
) -> AsyncGenerator[SlackHub]:
    """Start a Slack and a hub that is connected to it."""
    settings = settings or SlackSettings()
    settings.retry_delays_seconds = RETRIES
    async with (
        SlackServer(settings) as slack,
        SlackHub(slack, MemoryStore(), ways or Ways()).serving() as hub,
        hub.living(),
    ):
        yield hub


def answer(request: RunRequest) -> Iterable[Step]:
    """Say back what was heard, without the line that the gateway writes above it."""
    texts = [
        item.text.partition("\n")[2] for item in request.input if isinstance(item, InputMessage)
    ]
    return (Say("re: " + " + ".join(texts)),)


class _SwappedServer:
    """A real server on a free port of loopback; what it serves can be changed."""

    def __init__(self) -> None:
        self.port = 0
        self.app: ASGIApp = FastAPI()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncGenerator[None]:
        outer = FastAPI()
        outer.mount("/", self)
        server = create_server(outer)
        with contextlib.closing(listen("127.0.0.1", self.port)) as listener:
            self.port = listener.getsockname()[1]
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(server.serve(sockets=[listener]))
                try:
                    yield
                finally:
                    server.ask_to_stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)
