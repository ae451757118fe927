"""A whole hub behind the Slack adapter, whose Slack is the one of `slack_server`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send
from yarl import URL

from adapters.slack.adapter import SlackAdapter
from adapters.slack.options import OAuth, Options
from adapters.slack.routes import make_router
from adapters.slack.usergroups import Usergroups
from agents.scripted import Say, ScriptedAgents, Step
from gateway.clock import SystemClock
from gateway.domain.audit import AuditKind
from gateway.domain.circles import Circle
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Delivery, DeliveryState
from gateway.domain.people import Identity, Sender
from gateway.domain.turns import InputMessage, RunRequest
from gateway.errors import StoreUnavailable
from gateway.http import create_server, listen
from gateway.ports import Adapter, Store, Streaming, Transcriber
from gateway.retries import RetryPolicy
from gateway.rights.access import Access
from gateway.rights.circles import Circles
from gateway.rights.policy import AccessMode, AccessPolicy
from gateway.turn_runner import TurnOptions
from storage.artifacts.memory import MemoryArtifacts
from storage.memory import MemoryStore
from tests.fakes.crashing import CrashPoints
from tests.fakes.hub import FakeHub, HubOptions
from tests.fakes.patience import PATIENCE_SECONDS
from tests.platforms.slack_server import SlackServer, SlackSettings

RETRIES = (0.02, 0.2, 1.0)
"""Seconds until Slack sends an event again, in place of its 0, 60 and 300."""


@dataclass
class Ways:
    """How the app is connected, and what of it tests vary."""

    is_http: bool = True
    is_socket: bool = False
    is_oauth: bool = False
    """Whether workspaces install the app themselves; then no bot token is set."""
    access: AccessMode = AccessMode.OPEN
    allowed: frozenset[str] = frozenset()
    """Accounts and usergroups that may talk whatever `access` says."""
    turns: TurnOptions = field(default_factory=TurnOptions)
    ears: Transcriber | None = None
    """Who listens to recordings."""
    options: Options = field(
        default_factory=lambda: Options(
            bot_token="",
            streaming=Streaming(0.05, hold_seconds=0.2, shows_private=False),
            history_lag_seconds=0.3,
            catch_up_pause_seconds=0.01,
            watch_seconds=0.05,
            call_timeout_seconds=PATIENCE_SECONDS,
            name_timeout_seconds=PATIENCE_SECONDS,
            file_wait_seconds=PATIENCE_SECONDS,
            status_delay_seconds=0.2,
        )
    )

    def but(self, **options: Any) -> Ways:
        """Return the same with other options; `Options` checks their names."""
        return replace(self, options=replace(self.options, **options))


class SlackHub:
    """A store, agents and an adapter of ours, and people on a Slack of the tests."""

    def __init__(self, slack: SlackServer, store: Store, ways: Ways) -> None:
        self.slack = slack
        self.ways = ways
        self.clock = LeapingClock()
        self.artifacts = MemoryArtifacts(self.clock)
        self.hub = FakeHub(
            store,
            clock=self.clock,
            options=HubOptions(
                access=AccessPolicy({"slack": ways.access}, ways.allowed),
                circles=Circles(ways.allowed, self._ask_circles),
                sending=RetryPolicy(first_seconds=0.05, longest_seconds=0.5),
                adapters=self._new_adapters,
                turns=ways.turns,
                artifacts=self.artifacts,
                ears=ways.ears,
            ),
        )
        self.agents.script = answer
        self._server = _SwappedServer()
        self._adapter: SlackAdapter | None = None

    @property
    def agents(self) -> ScriptedAgents:
        """Those who answer."""
        return self.hub.agents

    @property
    def adapter(self) -> SlackAdapter:
        """The adapter of the newest life."""
        assert self._adapter is not None, "nothing has lived yet"
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
        try:
            async with self.hub.running():
                await self.is_connected()
                yield
        finally:
            self._server.crash()

    async def dies_at(self, moment: str, nth: int = 1) -> None:
        """Run until the hub comes to this moment for the n-th time, and dies there."""
        try:
            await self.hub.until_crash(CrashAt(moment, nth))
        finally:
            self._server.crash()

    async def installs(self, team: str, **query: str) -> int:
        """Walk through the installation in a workspace as a browser does; the last status."""
        base = f"http://127.0.0.1:{self._server.port}"
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
            async with browser.get(f"{base}/slack/install", allow_redirects=False) as begun:
                authorize = URL(begun.headers["Location"]).update_query(team=team, **query)
            async with browser.get(authorize, allow_redirects=False) as agreed:
                back = agreed.headers["Location"]
            async with browser.get(back) as done:
                return done.status

    async def is_connected(self) -> None:
        """Wait until the adapter says that it is ready."""
        await self.slack.until(lambda: self._adapter and self._adapter.health().is_ready)

    async def is_sent(self, delivery: str = "turn-1.0") -> None:
        """Wait until a delivery is settled for good."""
        while not await self._is_sent(delivery):
            await self._next_delivery()

    async def settled(self, delivery: str) -> Delivery:
        """Return a delivery once it is sent or has failed."""
        while True:
            stored = await self.hub.store.deliveries.get(delivery)
            if stored and stored.state in (DeliveryState.SENT, DeliveryState.FAILED):
                return stored
            await self._next_delivery()

    async def has_tried(self, times: int) -> None:
        """Wait until it is stored what came of so many tries to send something."""
        while await self._tries() < times:
            await self._next_delivery()

    async def _tries(self) -> int:
        audit = await self.hub.store.history.audit(0, 10_000)
        return sum(entry.kind is AuditKind.DELIVERY_SETTLED for entry in audit)

    async def is_quiet(self) -> None:
        """Wait until Slack has handed everything over and every delivery is settled."""
        await self.slack.until_delivered()
        while (await self.hub.store.history.counts()).deliveries_open:
            await self._next_delivery()

    async def has_noted(self) -> None:
        """Wait until it is noted that everything was heard."""
        while await self.hub.store.notes.get("slack", "heard") is None:
            await self._next_delivery()

    async def _is_sent(self, delivery: str) -> bool:
        stored = await self.hub.store.deliveries.get(delivery)
        if stored is None or stored.is_draft:
            return False
        return stored.state is DeliveryState.SENT

    async def _next_delivery(self) -> None:
        """Wait until something may have become of a delivery, or for a moment."""
        looks = iter((False, True))
        await self.slack.until(lambda: next(looks))

    async def _admits(self, sender: Sender, place: Conversation) -> bool:
        policy, hub = AccessPolicy({"slack": self.ways.access}, self.ways.allowed), self.hub
        access = Access(policy, hub.store.people, hub.clock, hub.options.circles)
        return await access.hears(sender, place)

    async def _ask_circles(self, identity: Identity, circles: Sequence[Circle]) -> Collection[str]:
        return await self.usergroups.circles_of(identity, circles)

    def _options(self) -> Options:
        slack = self.slack
        return replace(
            self.ways.options,
            bot_token=None if self.ways.is_oauth else slack.bot_token(),
            oauth=self._oauth() if self.ways.is_oauth else None,
            signing_secret=slack.app.signing_secret,
            app_token=slack.app.app_token if self.ways.is_socket else None,
            api_url=slack.api_url,
            admits=self._admits,
        )

    def _oauth(self) -> OAuth:
        app = self.slack.app
        return OAuth(
            client_id=app.client_id,
            client_secret=app.client_secret,
            state_secret="a long random text",
            scopes=tuple(sorted(self.slack.settings.scopes)),
            authorize_url=self.slack.authorize_url,
            redirect_uri=f"http://127.0.0.1:{self._server.port}/slack/oauth_redirect",
        )

    def _new_adapters(self) -> Sequence[Adapter]:
        options = self._options()
        self.usergroups = Usergroups(options, self.hub.store, self.hub.clock)
        self._adapter = SlackAdapter(options, self.hub.store, self.artifacts, self.hub.clock)
        app = FastAPI()
        app.include_router(make_router(self.adapter))
        self._server.app = app
        return [self.adapter]


@contextlib.asynccontextmanager
async def dead_hub(
    settings: SlackSettings | None = None, ways: Ways | None = None, store: Store | None = None
) -> AsyncGenerator[SlackHub]:
    """Start a Slack, and a hub that does not live yet."""
    settings = settings or SlackSettings()
    settings.retry_delays_seconds = RETRIES
    async with (
        SlackServer(settings) as slack,
        SlackHub(slack, store or MemoryStore(), ways or Ways()).serving() as hub,
    ):
        yield hub


@contextlib.asynccontextmanager
async def slack_hub(
    settings: SlackSettings | None = None, ways: Ways | None = None, store: Store | None = None
) -> AsyncGenerator[SlackHub]:
    """Start a Slack and a hub that is connected to it."""
    async with dead_hub(settings, ways, store) as hub, hub.living():
        yield hub


def answer(request: RunRequest) -> Iterable[Step]:
    """Say back what was heard, without the line that the gateway writes above it."""
    texts = [
        item.text.partition("\n")[2] for item in request.input if isinstance(item, InputMessage)
    ]
    return (Say("re: " + " + ".join(texts)),)


class CrashAt(CrashPoints):
    """Dies when it comes to the named moment for the n-th time."""

    def __init__(self, moment: str, nth: int) -> None:
        super().__init__()
        self._moment = moment
        self._left = nth

    async def pass_by(self, name: str) -> None:
        """Come to a moment; never returns when this is the one, or it was before."""
        if name == self._moment and not self.crashed.is_set():
            self._left -= 1
            if not self._left:
                self.crashed.set()
        await super().pass_by(name)


class LeapingClock:
    """The system's, but for the time that the machine slept."""

    def __init__(self) -> None:
        self.slept = timedelta(0)

    def now(self) -> datetime:
        """Return the moment."""
        return SystemClock().now() + self.slept


class Outage:
    """A store's bad time: stand it around the store; its next commits fail."""

    def __init__(self) -> None:
        self.failures: dict[str, int] = {}
        self.is_over = asyncio.Event()
        """Whether the last failure that was ordered has come."""

    async def pass_by(self, name: str) -> None:
        """Fail as often as was ordered for this moment."""
        left = self.failures.get(name, 0)
        if left:
            self.failures[name] = left - 1
            if not any(self.failures.values()):
                self.is_over.set()
            raise StoreUnavailable("The disk is full.")


class _SwappedServer:
    """A real server on a free port of loopback; what it serves can be changed."""

    def __init__(self) -> None:
        self.port = 0
        self.app: ASGIApp = FastAPI()
        self._open: set[asyncio.Task[None]] = set()

    def crash(self) -> None:
        """Drop the requests that are being served."""
        for work in self._open:
            work.cancel()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncGenerator[None]:
        """Listen until the context is left; each time on another port, which nobody else has."""
        outer = FastAPI()
        outer.mount("/", self)
        server = create_server(outer)
        with contextlib.closing(listen("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(server.serve(sockets=[listener]))
                try:
                    yield
                finally:
                    server.ask_to_stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with asyncio.TaskGroup() as group:
            work = group.create_task(self._serve(scope, receive, send))
            self._open.add(work)
            work.add_done_callback(self._open.discard)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)
