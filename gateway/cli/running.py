"""Runs something until the process is asked to stop: gently once, at once the second time."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

import typer

_FAILED = 1


def run_until_stopped(serve: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run `serve` with an event that the first SIGINT or SIGTERM sets.

    The second one ends the process on the spot, as a crash would: nothing that
    was acknowledged is lost by it.
    """

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, _ask_to_stop, stop)
        await serve(stop)

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(main())


def _ask_to_stop(stop: asyncio.Event) -> None:
    if stop.is_set():
        os._exit(_FAILED)
    typer.echo("Stopping; once more stops at once.", err=True)
    stop.set()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # it does not exist for Windows
        return None
    return uvloop.new_event_loop
