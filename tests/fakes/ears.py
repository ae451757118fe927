"""A transcriber in this process: hears `recording`s, as the server of the tests does."""

from __future__ import annotations

import asyncio
from collections import deque

from gateway.errors import PosternError
from tests.fakes.transcription_server import words_in


class Ears:
    """Implements `Transcriber`; remembers what it listened to."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        """The words of each time that it was paid for."""
        self.failures: deque[PosternError] = deque()
        """What the next calls raise, oldest first."""
        self.seconds = 0.0
        """How long it takes."""

    async def transcribe(self, data: bytes) -> str:
        """Return what is said in it."""
        if self.failures:
            raise self.failures.popleft()
        await asyncio.sleep(self.seconds)
        self.heard.append(words_in(data))
        return self.heard[-1]
