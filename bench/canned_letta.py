"""A server that answers every request with one recorded stream, at once, in a process of its own.

No Letta can be quicker: what a turn takes here is the client's own time.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

import uvloop

from bench.coldstart import ROOT

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


@asynccontextmanager
async def canned_letta(recorded: bytes) -> AsyncGenerator[str]:
    """Answer with these events; yields the address."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.canned_letta"),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        if process.stdin is None or process.stdout is None:
            raise TypeError("both were asked for")
        process.stdin.write(recorded)
        process.stdin.write_eof()
        yield f"http://127.0.0.1:{int(await process.stdout.readline())}"
    finally:
        process.terminate()
        await process.communicate()


class _Canned(asyncio.Protocol):
    """One connection: a whole answer for every whole request."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._heard = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's; a server's can be written to.
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head, end, body = self._heard.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if end and self._transport and len(body) >= (int(length[1]) if length else 0):
            self._heard = b""
            self._transport.write(self._answer)


async def main(recorded: bytes) -> None:
    """Serve until terminated; the port is the first line of the output."""
    answer = b"%b%x\r\n%b\r\n0\r\n\r\n" % (_HEAD, len(recorded), recorded)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Canned(answer), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(sys.stdin.buffer.read()))
