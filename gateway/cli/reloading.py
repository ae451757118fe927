"""Runs a gateway; asked to reload, another one after it with the settings as they are then."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from socket import socket
from typing import TYPE_CHECKING

from gateway.errors import PosternError, SettingsWrong

if TYPE_CHECKING:
    from gateway.lifecycle import Gateway
    from gateway.settings import Settings

log = logging.getLogger(__name__)

SIGNAL = signal.SIGUSR1
"""What asks a running gateway to take the settings as they are now.

Not SIGHUP, which comes when a terminal is closed and ends what ran in it.
"""


async def serve(
    settings: Settings, stop: asyncio.Event, on_ready: Callable[[Settings], None]
) -> None:
    """Run until `stop` is set. Between two gateways the port takes connections, which wait.

    `on_ready` is called for each gateway that has begun. Raises PosternError when
    the first one can not be opened.
    """
    from gateway.bootstrap import premises

    reloading = Reloading(settings)
    with premises(settings) as listener:
        while not stop.is_set():
            async with reloading.opened(listener) as gateway:
                await _run(gateway, reloading, stop, on_ready)


async def _run(
    gateway: Gateway,
    reloading: Reloading,
    stop: asyncio.Event,
    on_ready: Callable[[Settings], None],
) -> None:
    over = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        awaited = (stop.wait(), reloading.until_changed())
        waiting = [group.create_task(_end(over, each)) for each in awaited]
        await gateway.run(over, lambda: on_ready(reloading.settings))
        for task in waiting:
            task.cancel()


async def _end(over: asyncio.Event, after: Awaitable[object]) -> None:
    await after
    over.set()


class Reloading:
    """Reads the settings again whenever the process is asked to.

    What is wrong is logged, and changes nothing: the gateway goes on with what it has.
    """

    def __init__(self, settings: Settings) -> None:
        """Listen for the signal from now on, on the loop that runs."""
        self.settings = settings
        self._good: Settings | None = None
        """What a gateway was opened with last."""
        self._asked = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(SIGNAL, self._asked.set)

    @asynccontextmanager
    async def opened(self, listener: socket) -> AsyncGenerator[Gateway]:
        """Open a gateway with the settings; with the last good ones, where these can't be had."""
        from gateway.bootstrap import opened_gateway

        async with AsyncExitStack() as stack:
            try:
                gateway = await stack.enter_async_context(opened_gateway(self.settings, listener))
            except PosternError as error:
                if self._good is None or self._good is self.settings:
                    raise
                _refuse(error)
                self.settings = self._good
                gateway = await stack.enter_async_context(opened_gateway(self.settings, listener))
            self._good = self.settings
            yield gateway

    async def until_changed(self) -> None:
        """Wait until the process was asked, and there are other settings that are valid."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            if self._read():
                return

    def _read(self) -> bool:
        """Read them; return whether there is something to go on with."""
        from gateway.settings import load_settings
        from gateway.settings.changes import HELD, as_held, changed
        from gateway.telemetry import set_up_logging

        try:
            found = load_settings(os.environ)
        except SettingsWrong as error:
            _refuse(error)
            return False
        names = changed(self.settings, found)
        if held := [name for name in names if name in HELD]:
            log.warning("settings_need_a_restart", extra={"settings": ", ".join(held)})
        taken = [name for name in names if name not in HELD]
        log.info("settings_read", extra={"changed": ", ".join(taken)})
        # What the gateway was opened with last may come back, and its secrets with it.
        set_up_logging(secrets=[*self.settings.secrets(), *found.secrets()], level=logging.INFO)
        self.settings = as_held(self.settings, found)
        return bool(taken)


def _refuse(error: PosternError) -> None:
    log.error("settings_refused", extra={"error": str(error)})
