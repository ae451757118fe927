"""The events of one run: numbered, shown live to any number of readers, kept for replay.

Tokens are shown as they come; they are stored with the step they belong to. A step that never
finished leaves nothing: after a restart its numbers are skipped and it is told anew.
"""

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from agents.embedded.records import Json
from agents.embedded.store.runs import EventChunk

GENERATION_SPAN = 1_000_000
"""Sequence numbers reserved for each life of the server, so that none is ever used twice."""

_to_json = json.JSONEncoder(separators=(",", ":")).encode

DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event, ready to be sent."""

    seq: int
    data: bytes


def encode(seq: int, payload: Json, *, is_error: bool = False) -> StreamEvent:
    """An event of the SSE stream; errors are named so, which the SDK raises."""
    text = _to_json({**payload, "seq_id": seq})
    prefix = "event: error\n" if is_error else ""
    return StreamEvent(seq, f"{prefix}data: {text}\n\n".encode())


def pack(events: Sequence[StreamEvent]) -> EventChunk:
    """Events with consecutive numbers as one row."""
    payload = zlib.compress(b"".join(event.data for event in events), 1)
    return EventChunk(events[0].seq, events[-1].seq, payload)


def unpack(chunk: EventChunk) -> list[StreamEvent]:
    """The events that `pack` put in a row."""
    pieces = zlib.decompress(chunk.payload).split(b"\n\n")[:-1]
    return [
        StreamEvent(chunk.first_seq + index, piece + b"\n\n") for index, piece in enumerate(pieces)
    ]


class RunStream:
    """The events of one run, for any number of readers, also after it ended."""

    def __init__(self, run_id: str, kept: Sequence[StreamEvent], generation: int) -> None:
        self.run_id = run_id
        self._events: list[StreamEvent] = list(kept)
        self._saved = len(self._events)
        last = self._events[-1].seq if self._events else 0
        self._next_seq = max(last, generation * GENERATION_SPAN) + 1
        self._closed = False
        self._finished = False
        self._changed = asyncio.Event()

    @property
    def is_closed(self) -> bool:
        """Whether no event will follow: what `read` just yielded is the last of it."""
        return self._closed

    def draft(self, payloads: Sequence[Json], *, error: Json | None = None) -> list[StreamEvent]:
        """The events these payloads will be, numbered but not shown yet."""
        events = [encode(self._next_seq + n, payload) for n, payload in enumerate(payloads)]
        if error is not None:
            events.append(encode(self._next_seq + len(events), error, is_error=True))
        return events

    def show(self, events: Sequence[StreamEvent]) -> None:
        """Show drafted events to the readers; they must be the next in number."""
        self._events += events
        self._next_seq += len(events)
        self._changed.set()

    def say(self, payload: Json) -> None:
        """Show one event at once."""
        self.show([encode(self._next_seq, payload)])

    def unsaved(self) -> list[StreamEvent]:
        """What was shown and is not stored yet."""
        return self._events[self._saved :]

    def mark_saved(self) -> None:
        """Everything shown so far is stored."""
        self._saved = len(self._events)

    def close(self, *, finished: bool) -> None:
        """No event will follow; only the stream of a finished run ends with `[DONE]`.

        Without it the reader knows that it was cut off, and resumes.
        """
        self._closed = True
        self._finished = finished
        self._changed.set()

    async def read(self, starting_after: int, ping_seconds: float) -> AsyncIterator[bytes | None]:
        """Every event after this number, in order, several at a time; `None` is a silence."""
        index = next(
            (n for n, event in enumerate(self._events) if event.seq > starting_after),
            len(self._events),
        )
        while True:
            fresh = b"".join(event.data for event in self._events[index:])
            index = len(self._events)
            if self._closed:
                yield fresh + DONE if self._finished else fresh
                return
            if fresh:
                yield fresh
            elif not await self._wait(ping_seconds):
                yield None

    async def _wait(self, seconds: float) -> bool:
        self._changed.clear()  # whoever waits already was woken by the last change, or waits on
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True
