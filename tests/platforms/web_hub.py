"""A small hub behind the web door: real store, real commits, and answers that tests decide."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from datetime import timedelta

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.web.activity import ActivityDoor
from adapters.web.adapter import WebAdapter
from adapters.web.files import FileDoor
from adapters.web.guard import WebOptions
from adapters.web.pairings import PairingDoor
from adapters.web.parts import WebParts
from adapters.web.routes import make_router
from adapters.web.sign_in import SignIn
from adapters.web.tokens import TokenDoor
from gateway.clock import SystemClock
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import NewDelivery, Sent
from gateway.domain.ids import DeliveryId, WorkerId
from gateway.domain.messages import InboundMessage, MessageKind
from gateway.domain.people import Route, Sender, Standing
from gateway.domain.routing import Routing
from gateway.domain.schedules import Fire, Schedule, Wakeup
from gateway.domain.turns import Turn, TurnOutcome, TurnState
from gateway.errors import StoreUnavailable
from gateway.http import create_server
from gateway.ports import Store
from gateway.rights.pairings import Pairings
from storage.artifacts.memory import MemoryArtifacts
from storage.memory import MemoryStore
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.ports import port_of_our_own

ROLES = ("postern", "muse")
ADMIN_TOKEN = "admin-secret"
WORKER = WorkerId("local")
LEASE = timedelta(minutes=5)


@dataclass
class WebHub:
    """Stores what comes in; turns are claimed, answered and delivered when a test says so."""

    store: Store = field(default_factory=MemoryStore)
    is_shared: bool = False
    """Whether other processes have the store too."""
    clock: SystemClock = field(default_factory=SystemClock)
    accepted: list[InboundMessage] = field(default_factory=list[InboundMessage])
    is_down: bool = False
    """Pretend that the database can not be written."""
    access: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """By role, who may use it; the others are for everybody."""
    admins: frozenset[str] = frozenset()
    """Who decides about strangers, as identity keys."""
    standing: Standing = Standing.ADMITTED
    """What the rules make of everybody."""
    sign_in: SignIn | None = None
    """How browsers sign in; None where they need not."""

    def __post_init__(self) -> None:
        """Make the adapter under test."""
        self.adapter = WebAdapter(self.clock, self.store if self.is_shared else None)
        self.artifacts = MemoryArtifacts(self.clock)
        self._heard = asyncio.Condition()

    async def standing_of(self, sender: Sender, place: Conversation) -> Standing:
        """Tell what the rules make of somebody."""
        return self.standing

    async def accept(self, message: InboundMessage) -> None:
        """Store the message once; what the adapter's `run` is given."""
        if self.is_down:
            raise StoreUnavailable("The database is away.")
        route = Route(message.role or ROLES[0])
        accepted = await self.store.turns.accept(message, route, self.clock.now())
        if accepted.is_new:
            async with self._heard:
                self.accepted.append(message)
                self._heard.notify_all()

    async def has_accepted(self, count: int) -> None:
        """Wait until this many messages are stored."""
        async with asyncio.timeout(PATIENCE_SECONDS), self._heard:
            await self._heard.wait_for(lambda: len(self.accepted) >= count)

    async def next_turn(self) -> Turn:
        """Claim the next turn, waiting for one."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                self.store.turn_ready.clear()
                claim = await self.store.turns.claim(WORKER, 1, LEASE, self.clock.now())
                if claim.turns:
                    return claim.turns[0]
                await self.store.turn_ready.wait()

    async def stream(self, turn: Turn, text: str) -> None:
        """Show how far the first answer of the turn has come."""
        draft = new_delivery(turn, 0, text, is_draft=True)
        await self.store.turns.open_draft(turn.ref, draft, self.clock.now())
        await self.deliver()
        stored = await self.store.deliveries.get(draft.id)
        assert stored is not None
        await self.adapter.show_draft(stored, text)

    async def finish(self, turn: Turn, *texts: str) -> None:
        """End the turn with these answers, and bring them to the pages."""
        deliveries = tuple(new_delivery(turn, i, text) for i, text in enumerate(texts))
        outcome = TurnOutcome(TurnState.DONE, deliveries)
        await self.store.turns.finish(turn.ref, outcome, self.clock.now())
        await self.deliver()

    async def answer_next(self, *texts: str) -> Turn:
        """Claim the next turn and end it with these answers."""
        turn = await self.next_turn()
        await self.finish(turn, *texts)
        return turn

    async def wake(self, schedule: str, message: InboundMessage, why: str = "") -> None:
        """Let a slot pass of a schedule in the name of the message's sender.

        The agent hears the message, unless there is a reason why the slot was missed.
        """
        now = self.clock.now()
        wakeup = Wakeup(message.conversation, message.sender, message.text)
        await self.store.schedules.put(Schedule(schedule, "every:60", "UTC", now, wakeup=wakeup))
        read = await self.store.schedules.get(schedule)
        assert read is not None
        route = Route(message.role or ROLES[0])
        heard = None if why else replace(message, kind=MessageKind.WAKEUP)
        fire = Fire(read, now, None, heard, route, why=why)
        await self.store.schedules.fire([fire], self.clock.now())

    async def post(self, post: NewDelivery) -> None:
        """Store a post and bring it to the pages."""
        await self.store.deliveries.enqueue([post], self.clock.now())
        await self.deliver()

    async def revise(self, post: NewDelivery, text: str) -> None:
        """Edit a post in place: another text, and no buttons."""
        await self.store.deliveries.revise(post.id, text, (), self.clock.now())
        await self.deliver()

    async def deliver(self) -> None:
        """Send everything that waits to be sent."""
        while True:
            now = self.clock.now()
            claim = await self.store.deliveries.claim(WORKER, ["web"], 10, LEASE, now)
            if not claim.deliveries:
                return
            for delivery in claim.deliveries:
                receipt = await self.adapter.send(delivery)
                await self.store.deliveries.settle(delivery, Sent(receipt), self.clock.now())


def new_delivery(turn: Turn, index: int, text: str, *, is_draft: bool = False) -> NewDelivery:
    """Return an answer of this turn."""
    return NewDelivery(
        id=DeliveryId(f"{turn.ref.id}.{index}"),
        conversation=turn.conversation,
        text=text,
        turn=turn.ref.id,
        index=index,
        is_draft=is_draft,
    )


@dataclass(frozen=True)
class Served:
    """A running web door."""

    hub: WebHub
    port: int

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def socket_url(self, path: str) -> str:
        """Return the WebSocket address of a path."""
        return f"ws://127.0.0.1:{self.port}{path}"


class WebServer:
    """A real server on one port of loopback, which serves one hub after the other."""

    def __init__(self) -> None:
        self.port = port_of_our_own()
        self._app: ASGIApp = FastAPI()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[WebServer]:
        """Listen until the context is left."""
        app = FastAPI()
        app.mount("/", self)
        server = create_server(app)
        with contextlib.closing(_listen(self.port)) as listener:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(server.serve(sockets=[listener]))
                yield self
                server.ask_to_stop()

    @contextlib.asynccontextmanager
    async def serving(
        self, hub: WebHub, options: WebOptions | None = None, *, is_running: bool = True
    ) -> AsyncGenerator[Served]:
        """Serve the hub's web door; `is_running` also lets messages in."""
        options = options or WebOptions(admin_token=ADMIN_TOKEN, answer_seconds=PATIENCE_SECONDS)
        self._app = app = FastAPI()
        parts = WebParts(
            hub.adapter,
            hub.store.history,
            hub.store.deliveries,
            Routing({name: Route(name) for name in ROLES}, access=hub.access),
            options,
            files=FileDoor(hub.store.deliveries, hub.artifacts),
            activity=ActivityDoor(hub.store.fires, hub.store.people),
            tokens=TokenDoor(hub.store.tokens, hub.store.people, hub.clock),
            pairings=PairingDoor(Pairings(hub.store.people, hub.clock), hub.admins),
            sign_in=hub.sign_in,
            standing_of=hub.standing_of,
        )
        app.include_router(make_router(parts))
        async with asyncio.TaskGroup() as tasks:
            runner = tasks.create_task(hub.adapter.run(hub.accept)) if is_running else None
            yield Served(hub, self.port)
            if runner is not None:
                runner.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request to the hub that is being served."""
        await self._app(scope, receive, send)


def _listen(port: int) -> socket.socket:
    # Only of a socket that says TCP does asyncio turn off the delay of small packets: 40 ms each.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen()
    return listener
