"""What a process starts: a gateway, or a terminal's own."""

from __future__ import annotations

import asyncio
import getpass
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager

from gateway.bootstrap.choices import routes
from gateway.bootstrap.desks import take_wakeups
from gateway.bootstrap.doors import make_doors, terminal_identity
from gateway.bootstrap.hub import Plugged, Spokes, plug
from gateway.bootstrap.kept import TOKEN
from gateway.bootstrap.minds import opened_mind
from gateway.bootstrap.stores import clock_of, opened_artifacts, opened_store
from gateway.data_dir import held
from gateway.http import listen
from gateway.lifecycle import Gateway
from gateway.ports import Store
from gateway.settings import Settings
from gateway.telemetry import Metrics


@contextmanager
def premises(settings: Settings) -> Generator[socket.socket]:
    """Hold the data directory and the port, for gateways that run there one after the other.

    Raises SettingsWrong when one of them is taken.
    """
    with ExitStack() as stack:
        data_dir = stack.enter_context(held(settings.data_dir))
        listener = stack.enter_context(listen(settings.http.host, settings.http.port))
        data_dir.announce(_url(settings, listener))
        yield listener


@asynccontextmanager
async def opened_gateway(settings: Settings, listener: socket.socket) -> AsyncGenerator[Gateway]:
    """Make everything that the settings turn on; yields it ready to run.

    Its server closes a copy of the listener: the port stays open for who comes next.
    """
    async with AsyncExitStack() as stack:
        port = stack.enter_context(listener.dup())
        store = await stack.enter_async_context(opened_store(settings))
        plugged = await stack.enter_async_context(opened_around(settings, store, port))
        yield plugged.gateway


@asynccontextmanager
async def opened_around(
    settings: Settings, store: Store, listener: socket.socket | None = None
) -> AsyncGenerator[Plugged]:
    """Make everything else around an open store. Without a listener it serves no port."""
    async with AsyncExitStack() as stack:
        clock = clock_of(settings, store)
        await take_wakeups(settings, store, clock)
        artifacts = await stack.enter_async_context(opened_artifacts(settings, clock))
        mind = await stack.enter_async_context(opened_mind(settings, store, artifacts, clock))
        adapters, routers = make_doors(settings, store, artifacts, clock, mind)
        spokes = Spokes(clock, Metrics(), store, artifacts, mind, adapters, routers)
        plugged = plug(settings, spokes, listener)
        stack.push_async_callback(plugged.doors.close)
        yield plugged


async def chat_here(settings: Settings, stop: asyncio.Event) -> None:
    """Run a gateway for this terminal alone, until its input ends or `stop` is set."""
    from adapters.console.adapter import ConsoleAdapter, ConsoleOptions
    from adapters.console.terminal import Terminal

    async with AsyncExitStack() as stack:
        stack.enter_context(held(settings.data_dir))
        store = await stack.enter_async_context(opened_store(settings))
        clock = clock_of(settings, store)
        artifacts = await stack.enter_async_context(opened_artifacts(settings, clock))
        mind = await stack.enter_async_context(opened_mind(settings, store, artifacts, clock))
        options = ConsoleOptions(getpass.getuser(), identity=terminal_identity(settings))
        console = ConsoleAdapter(clock, store.history, Terminal(), options)
        spokes = Spokes(clock, Metrics(), store, artifacts, mind, [console])
        await plug(settings, spokes).gateway.run(stop, until=console.platform)


async def chat_with(settings: Settings, url: str) -> None:
    """Talk from this terminal to the gateway that runs at `url`, until the input ends."""
    from adapters.console.remote import RemoteChat, RemoteOptions, load_token
    from adapters.console.terminal import Terminal

    token = load_token(settings.data_dir / TOKEN)
    role = next(iter(routes(settings)))
    await RemoteChat(RemoteOptions(url, token, role), Terminal()).run()


def _url(settings: Settings, listener: socket.socket) -> str:
    host = settings.http.host
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}"
