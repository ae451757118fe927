"""Stops a hub dead at one numbered call of its ports, as `kill -9` would."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol, TypeVar, cast

Port = TypeVar("Port")


class CrashPoints:
    """Numbers every moment just before and just after a call; dies at the chosen one.

    A dead process does nothing more: from then on, every call hangs for ever,
    until whoever waits for `crashed` cancels the tasks.
    """

    def __init__(self, at: int | None = None, *, at_name: str | None = None) -> None:
        self.at = at
        self._at_name = at_name
        self.passed: list[str] = []
        """The names of all moments so far, in order."""
        self.crashed = asyncio.Event()

    async def pass_by(self, name: str) -> None:
        """Come to a moment; never returns when this is the one, or it was before."""
        if not self.crashed.is_set():
            self.passed.append(name)
        if len(self.passed) == self.at or name == self._at_name:
            self.crashed.set()
        if self.crashed.is_set():
            await asyncio.get_running_loop().create_future()


class Moments(Protocol):
    """Whoever wants to know about every moment."""

    async def pass_by(self, name: str) -> None:
        """Come to a moment."""
        ...


_PARTS = {
    "turns",
    "deliveries",
    "people",
    "links",
    "history",
    "schedules",
    "fires",
    "notes",
    "leases",
    "handed",
    "installations",
    "approvals",
    "errands",
}
"""The parts of the store: ports themselves."""


class Asked:
    """Lets everything pass, and notes what a port is asked."""

    def __init__(self) -> None:
        self.names: list[str] = []

    async def pass_by(self, name: str) -> None:
        """Note a call that begins."""
        if name.startswith("before "):
            self.names.append(name.removeprefix("before "))


def around(port: Port, name: str, moments: Moments) -> Port:
    """Return the port with a moment before and after each of its async calls."""
    return cast("Port", _Around(port, name, moments))  # a proxy has the port's shape by design


class _Around:
    """Stands before a port and passes everything on."""

    def __init__(self, port: object, name: str, points: Moments) -> None:
        self._port = port
        self._name = name
        self._points = points

    def __getattr__(self, attribute: str) -> Any:  # whatever the port has
        value = getattr(self._port, attribute)
        name = f"{self._name}.{attribute}"
        if inspect.iscoroutinefunction(value):
            return self._around_call(value, name)
        if inspect.isasyncgenfunction(value):
            return self._around_stream(value, name)
        if attribute in _PARTS:
            return _Around(value, name, self._points)
        return value

    def _around_call(self, call: Callable[..., Awaitable[object]], name: str) -> object:
        async def passing(*args: object, **kwargs: object) -> object:
            await self._points.pass_by(f"before {name}")
            result = await call(*args, **kwargs)
            await self._points.pass_by(f"after {name}")
            return result

        return passing

    def _around_stream(self, stream: Callable[..., AsyncIterator[object]], name: str) -> object:
        async def passing(*args: object, **kwargs: object) -> AsyncIterator[object]:
            await self._points.pass_by(f"before {name}")
            async for event in stream(*args, **kwargs):
                yield event
                await self._points.pass_by(f"after {type(event).__name__} of {name}")

        return passing
