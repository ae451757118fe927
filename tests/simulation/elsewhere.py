"""A store on a loop of its own, in another thread, whose calls happen at once in virtual time."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any

from gateway.ports import Store
from tests.simulation.parts import StoreBehind


class StoreElsewhere(StoreBehind):
    """Passes every call to the other loop and waits for its answer, so that it is one moment here.

    A real database has threads and sockets, whose pace would make a seed mean
    something else each time.
    """

    def __init__(self, store: Store, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(store, lambda part, _: _Elsewhere(part, loop))


@contextmanager
def opened_elsewhere(store: Store) -> Generator[StoreElsewhere]:
    """Open the store on a loop in a thread of its own, and close it in the end."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(store.open(), loop).result()
        yield StoreElsewhere(store, loop)
        asyncio.run_coroutine_threadsafe(store.close(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _whole(call: Coroutine[Any, Any, object]) -> object:
    """Await the call, and let whatever it woke there run before time goes on here."""
    try:
        return await call
    finally:
        await asyncio.sleep(0)


class _Elsewhere:
    def __init__(self, port: object, loop: asyncio.AbstractEventLoop) -> None:
        self._port = port
        self._loop = loop

    def __getattr__(self, name: str) -> Any:  # whatever the port has
        value = getattr(self._port, name)
        return self._call(value) if inspect.iscoroutinefunction(value) else value

    def _call(
        self, method: Callable[..., Coroutine[Any, Any, object]]
    ) -> Callable[..., Awaitable[object]]:
        async def call(*args: object, **kwargs: object) -> object:
            there = asyncio.run_coroutine_threadsafe(_whole(method(*args, **kwargs)), self._loop)
            return there.result(timeout=30)

        return call
