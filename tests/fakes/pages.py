"""A web server on loopback with pages that tests write; it remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Page:
    """What is at a path."""

    body: bytes = b""
    status: str = "200 OK"
    headers: dict[str, str] = field(default_factory=dict[str, str])
    is_silent: bool = False
    """Takes the request and never answers."""


@dataclass(slots=True)
class Pages:
    """A running server."""

    url: str = ""
    pages: dict[str, Page] = field(default_factory=dict[str, Page])
    asked: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    """The headers of each request, with `path`."""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
        pairs = (line.partition(": ") for line in head[1:] if line)
        request = {"path": head[0].split()[1], **{name.lower(): v for name, _, v in pairs}}
        self.asked.append(request)
        page = self.pages.get(request["path"], Page(status="404 Not Found"))
        if page.is_silent:
            await reader.read()
        else:
            etag = page.headers.get("ETag")
            if etag is not None and request.get("if-none-match") == etag:
                page = Page(status="304 Not Modified", headers={"ETag": etag})
            headers = {**page.headers, "Content-Length": str(len(page.body)), "Connection": "close"}
            lines = [f"{name}: {value}" for name, value in headers.items()]
            first = "\r\n".join([f"HTTP/1.1 {page.status}", *lines, "", ""])
            writer.write(first.encode("latin-1") + page.body)
        writer.close()


@asynccontextmanager
async def served_pages() -> AsyncGenerator[Pages]:
    """Serve on a free loopback port."""
    pages = Pages()
    server = await asyncio.start_server(pages.answer, "127.0.0.1", 0)
    pages.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield pages
    finally:
        server.close()
