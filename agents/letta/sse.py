"""Cuts server-sent events out of bytes. Pure; the connection is somebody else's.

Why not the lines that httpx offers: they also end at U+2028 and its like, which stand raw in
Letta's JSON. Why not letta-client's own stream: it stops reading at `[DONE]`, which costs the
connection, and can not tell that end from a connection that was cut between two events.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agents.letta.faults import StreamGarbled

LIMIT_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Frame:
    """One event of the stream, as text."""

    data: str
    event: str | None = None

    @property
    def is_done(self) -> bool:
        """Whether the server says that nothing more comes."""
        return self.data.startswith("[DONE]")


class SseDecoder:
    """Turns chunks of any size into frames; an unfinished frame at the end is dropped."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._tail = b""
        self._data: list[str] = []
        self._event: str | None = None

    def feed(self, chunk: bytes) -> Iterator[Frame]:
        """Yield the frames that this chunk completes. Raises StreamGarbled when one is endless."""
        *lines, self._tail = (self._tail + chunk).split(b"\n")
        if len(self._tail) > self._limit_bytes:
            raise StreamGarbled("Letta sent an event without an end.")
        for line in lines:
            frame = self._read_line(line.removesuffix(b"\r").decode("utf-8", "replace"))
            if frame is not None:
                yield frame

    def _read_line(self, line: str) -> Frame | None:
        if not line:
            return self._complete()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        return None

    def _complete(self) -> Frame | None:
        frame = Frame("\n".join(self._data), self._event) if self._data else None
        self._data, self._event = [], None
        return frame
