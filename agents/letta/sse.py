"""Letta's event streams, cut out of bytes. Pure; the connection is somebody else's.

Why not the lines that httpx offers: they also end at U+2028 and its like, which stand raw in
Letta's JSON. Why not letta-client's own stream: it stops reading at `[DONE]`, which costs the
connection, and can not tell that end from a connection that was cut between two events.
"""

from __future__ import annotations

from collections.abc import Iterator

from agents.letta.faults import StreamGarbled
from gateway.text.event_stream import EndlessEvent, EventDecoder, Frame

__all__ = ["LIMIT_BYTES", "Frame", "SseDecoder"]

LIMIT_BYTES = 32 * 1024 * 1024


class SseDecoder:
    """Turns chunks of any size into frames; an unfinished frame at the end is dropped."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._decoder = EventDecoder(limit_bytes)

    def feed(self, chunk: bytes) -> Iterator[Frame]:
        """Yield the frames that this chunk completes. Raises StreamGarbled when one is endless."""
        try:
            yield from self._decoder.feed(chunk)
        except EndlessEvent:
            raise StreamGarbled("Letta sent an event without an end.") from None
