"""A stream of events ends with its generator closed, whoever ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

from adapters.web.event_stream import EventStream


@dataclass
class Reader:
    """Who reads a stream, and leaves when a test says so."""

    left: asyncio.Event = field(default_factory=asyncio.Event)
    read: list[bytes] = field(default_factory=list[bytes])
    is_broken: bool = False
    is_stuck: bool = False

    async def receive(self) -> dict[str, Any]:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.body":
            if self.is_broken:
                raise OSError
            if self.is_stuck:
                await asyncio.get_running_loop().create_future()
            self.read.append(message["body"])


@dataclass
class Source:
    """What is streamed: one event, and then nothing for a long time."""

    is_endless: bool = True
    is_closed: bool = False

    async def events(self) -> AsyncGenerator[str]:
        try:
            yield "data: 1\n\n"
            if self.is_endless:
                await asyncio.get_running_loop().create_future()
        finally:
            self.is_closed = True


async def test_all_events_are_sent_and_the_answer_ends() -> None:
    reader, source = Reader(), Source(is_endless=False)

    await EventStream(source.events())({}, reader.receive, reader.send)

    assert reader.read == [b"data: 1\n\n", b""]
    assert source.is_closed


async def test_who_leaves_ends_it_while_nothing_happens() -> None:
    reader, source = Reader(), Source()
    reader.left.set()

    async with asyncio.timeout(20):
        await EventStream(source.events())({}, reader.receive, reader.send)

    assert source.is_closed


async def test_who_can_not_be_reached_ends_it() -> None:
    reader, source = Reader(is_broken=True), Source()

    async with asyncio.timeout(20):
        await EventStream(source.events())({}, reader.receive, reader.send)

    assert source.is_closed


async def test_who_takes_nothing_any_more_ends_it() -> None:
    """A reader whose connection is full: what is sent to it never arrives."""
    reader, source = Reader(is_stuck=True), Source()

    async with asyncio.timeout(20):
        stream = EventStream(source.events(), send_seconds=0.01)
        await stream({}, reader.receive, reader.send)

    assert source.is_closed
