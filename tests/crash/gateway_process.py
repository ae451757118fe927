"""A gateway that kills itself with SIGKILL at a named moment: `DIE_AT="before store.turns.finish"`.

Run as a program by the crash tests. It is the real gateway, bootstrapped from the
environment; only its ports are wrapped, so that the moment is noticed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import replace

from gateway.bootstrap import (
    Spokes,
    make_doors,
    opened_artifacts,
    opened_mind,
    opened_store,
    plug,
)
from gateway.clock import SystemClock
from gateway.data_dir import held
from gateway.http import listen
from gateway.settings import load_settings
from gateway.telemetry import Metrics
from tests.fakes.crashing import around


class KillPoint:
    """Dies when the moment is passed for the first time since somebody wrote.

    `spared` messages may come before.
    """

    def __init__(self, name: str | None, spared: int) -> None:
        self._name = name
        self._spared = spared

    async def pass_by(self, name: str) -> None:
        """Die, or go on."""
        if name == "before store.turns.accept":
            self._spared -= 1
        if self._spared < 0 and name == self._name:
            os.kill(os.getpid(), signal.SIGKILL)


async def main() -> None:
    """Serve until SIGTERM, or until the moment comes."""
    settings = load_settings(os.environ)
    point = KillPoint(os.environ.get("DIE_AT"), int(os.environ.get("SPARED", "0")))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    clock = SystemClock()
    listener = listen(settings.http.host, settings.http.port)
    async with AsyncExitStack() as stack:
        stack.enter_context(held(settings.data_dir))
        store = around(await stack.enter_async_context(opened_store(settings)), "store", point)
        artifacts = await stack.enter_async_context(opened_artifacts(settings, clock))
        mind = await stack.enter_async_context(opened_mind(settings, store, artifacts, clock))
        adapters, routers = make_doors(settings, store, artifacts, clock, mind)
        wrapped = replace(
            mind,
            constellation=around(mind.constellation, "agents", point),
            runtime=around(mind.runtime, "runtime", point),
            toolbox=around(mind.toolbox, "toolbox", point),
        )
        platforms = [around(adapter, "platform", point) for adapter in adapters]
        spokes = Spokes(clock, Metrics(), store, artifacts, wrapped, platforms, routers)
        await plug(settings, spokes, listener).gateway.run(stop)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
