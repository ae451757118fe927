"""Cuts server-sent events out of bytes. Pure; the connection is somebody else's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


class EndlessEvent(ValueError):
    """One event is larger than anything that is taken."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One event of the stream, as text."""

    data: str
    event: str | None = None

    @property
    def is_done(self) -> bool:
        """Whether the server says that nothing more comes, as servers of models do."""
        return self.data.startswith("[DONE]")


class EventDecoder:
    """Turns chunks of any size into frames; an unfinished frame at the end is dropped.

    Lines end at a line feed alone: U+2028 and its like may stand raw in JSON.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._tail = b""
        self._data: list[str] = []
        self._size = 0
        self._event: str | None = None

    def feed(self, chunk: bytes) -> Iterator[Frame]:
        """Yield the frames that this chunk completes. Raises EndlessEvent."""
        *lines, self._tail = (self._tail + chunk).split(b"\n")
        for line in lines:
            frame = self._read_line(line.removesuffix(b"\r").decode("utf-8", "replace"))
            if frame is not None:
                yield frame
        if self._size + len(self._tail) > self._limit_bytes:
            raise EndlessEvent(f"An event has more than {self._limit_bytes:,} bytes.")

    def _read_line(self, line: str) -> Frame | None:
        if not line:
            return self._complete()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
            self._size += len(value) + 1
        elif name == "event":
            self._event = value
        return None

    def _complete(self) -> Frame | None:
        frame = Frame("\n".join(self._data), self._event) if self._data else None
        self._data, self._size, self._event = [], 0, None
        return frame
