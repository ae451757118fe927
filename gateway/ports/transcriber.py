"""Who writes down what is said in recordings."""

from __future__ import annotations

from typing import Protocol


class Transcriber(Protocol):
    """Listens to one recording at a time. It keeps nothing, and may cost something each time."""

    async def transcribe(self, data: bytes) -> str:
        """Return what is said in it; empty when nothing is.

        Takes as long as it takes: who asks sets the time limit. Raises RetryLater when
        the same may work later, and Refused when it never will; their messages read on
        after "because", without a full stop, and have nothing of what the service said.
        """
        ...
