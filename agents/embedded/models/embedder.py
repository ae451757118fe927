"""What turns texts into vectors; light, so that naming it costs no import time."""

from collections.abc import Sequence
from typing import Protocol


class Embedder(Protocol):
    """Turns texts into vectors."""

    @property
    def name(self) -> str:
        """The model: vectors of two models are never compared."""
        ...

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """A vector for each text, all of one size.

        Raises EmbeddingUnavailable (it may work later) or EmbeddingWrong (it is no embedding).
        """
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
