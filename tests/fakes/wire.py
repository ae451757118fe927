"""A line to a server that can be slow, cut, and mended: TCP on loopback, bytes untouched."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from tests.fakes.ports import port_of_our_own


class Wire:
    """Connections through it are as good as the server's own, unless a test says otherwise."""

    def __init__(self, port: int) -> None:
        self.port = port_of_our_own()
        """Where clients connect; stays the same when the wire is cut and mended."""
        self.delay_seconds = 0.0
        """Of every piece that the server sends back."""
        self._server_port = port
        self._listener: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def mend(self) -> None:
        """Let clients connect."""
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    def cut(self) -> None:
        """Drop every connection and refuse new ones."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._server_port)
        self._writers |= {writer, back}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(reader, back, is_answer=False))
                group.create_task(self._carry(there, writer, is_answer=True))
        finally:
            self._writers -= {writer, back}

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                if is_answer and self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                writer.write(data)
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def wire_to(port: int) -> AsyncGenerator[Wire]:
    """Lay a wire to a port of loopback."""
    wire = Wire(port)
    await wire.mend()
    try:
        yield wire
    finally:
        wire.cut()
