"""What stands between the containers of a deployment: a queue of inputs that outlives them all.

As Modal says of a deployed app ("Failures and retries", "Container crashes"), what a container
had not returned from when it died is handed out again to the next one.
"""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

Frame = tuple[Any, ...]
"""Any: what containers tell each other is typed where it is called."""
WORKER, SPAWN, CALL, RETURN, RAISE = "worker", "spawn", "call", "return", "raise"


@dataclass
class Wire:
    """One end of a connection that carries frames."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, *frame: Any) -> None:
        """Send a frame whole."""
        packed = pickle.dumps(frame)
        self.writer.write(len(packed).to_bytes(4) + packed)
        await self.writer.drain()

    async def receive(self) -> Frame:
        """Return the next frame. Raises IncompleteReadError at the end."""
        length = int.from_bytes(await self.reader.readexactly(4))
        return pickle.loads(await self.reader.readexactly(length))  # noqa: S301 - between our own processes, as Modal does


@asynccontextmanager
async def wired(port: int) -> AsyncGenerator[Wire]:
    """Connect a container to the cloud."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()


async def spawned(port: int, method: str, *arguments: Any) -> None:
    """Have the worker do something some time; returns when that can not be lost any more."""
    async with wired(port) as wire:
        await wire.send(SPAWN, method, arguments)
        await wire.receive()


async def called(port: int, method: str, *arguments: Any) -> Any:
    """Have the worker do something, however long there is none; raises what it raises."""
    async with wired(port) as wire:
        await wire.send(CALL, method, arguments)
        kind, value = await wire.receive()
    if kind == RAISE:
        raise value
    return value


@dataclass
class _Input:
    method: str
    arguments: Frame
    result: asyncio.Future[Any]


@dataclass
class Cloud:
    """Takes calls from any container, and has the only worker do them."""

    port: int = 0
    _inputs: dict[int, _Input] = field(default_factory=dict[int, _Input])
    """What the worker has not returned from, in the order in which it came."""
    _numbers: count[int] = field(default_factory=count)
    _worker: Wire | None = None
    returned: list[tuple[str, Frame]] = field(default_factory=list[tuple[str, Frame]])
    """What a worker has returned from: method and arguments, in that order."""
    raised: list[tuple[str, Exception]] = field(default_factory=list[tuple[str, Exception]])
    """What failed there: it is handed out to nobody again."""

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[Cloud]:
        """Listen on loopback until the end of the block."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for each in self._inputs.values():
                each.result.set_result((RETURN, None))  # whoever waits for it is gone

    async def _queue(self, method: str, arguments: Frame) -> asyncio.Future[Any]:
        result = asyncio.get_running_loop().create_future()
        number = next(self._numbers)
        self._inputs[number] = _Input(method, arguments, result)
        if self._worker is not None:
            await self._hand_out(self._worker, number)
        return result

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = Wire(reader, writer)
        try:
            while True:
                await self._take(wire, await wire.receive())
        except (asyncio.IncompleteReadError, ConnectionError):
            if self._worker is wire:
                self._worker = None
        finally:
            writer.close()

    async def _take(self, wire: Wire, frame: Frame) -> None:
        match frame:
            case (str(kind),) if kind == WORKER:
                self._worker = wire
                for number in list(self._inputs):
                    await self._hand_out(wire, number)
            case (str(kind), str(method), arguments) if kind == SPAWN:
                await self._queue(method, arguments)
                await wire.send(RETURN, None)
            case (str(kind), str(method), arguments) if kind == CALL:
                result = await self._queue(method, arguments)
                await wire.send(*await result)
            case (int(number), kind, value):
                done = self._inputs.pop(number)
                if kind == RAISE:
                    self.raised.append((done.method, value))
                else:
                    self.returned.append((done.method, done.arguments))
                done.result.set_result((kind, value))
            case _:
                raise AssertionError(frame)

    async def _hand_out(self, worker: Wire, number: int) -> None:
        each = self._inputs[number]
        try:
            await worker.send(number, each.method, each.arguments)
        except ConnectionError:
            self._worker = None
