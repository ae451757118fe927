"""Search by meaning and by words together, in archival memory and in files.

Vectors are made when a search needs them: whatever was stored while the endpoint was away, or
before another model was chosen, gets its own then.
"""

import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from agents.embedded.errors import EmbeddingUnavailable, EmbeddingWrong
from agents.embedded.memory.likeness import fused, most_alike, packed
from agents.embedded.models.embedder import Embedder
from agents.embedded.records import Passage
from agents.embedded.store import folders, passages, vectors
from agents.embedded.store.database import Database
from agents.embedded.store.vectors import CHUNKS, PASSAGES, Searched

log = logging.getLogger(__name__)

BY_WORDS_ONLY = "The embedding model can not be reached: this was searched by its words only."
_CAUGHT_UP_AT_ONCE = 2_000
_CONSIDERED = 50

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """What a search brought, best first."""

    items: list[T]
    notice: str | None = None
    """What the asker should know about how it was searched."""


@dataclass(frozen=True, slots=True)
class _Search(Generic[T]):
    """One kind of search: its words, its vectors, its things."""

    kind: Searched
    by_words: Callable[[sqlite3.Connection, str, str, int], list[int]]
    load: Callable[[sqlite3.Connection, Sequence[int]], list[T]]


_PASSAGES = _Search(PASSAGES, passages.positions_of, passages.at)
_CHUNKS = _Search(CHUNKS, folders.positions_of, folders.chunks_at)


class Recall:
    """Finds what belongs to a query. Without an embedder, and when it is away, by words alone.

    Raises EmbeddingWrong when the model's vectors can not be compared with each other.
    """

    def __init__(self, database: Database, embedder: Embedder | None = None) -> None:
        self._database = database
        self._embedder = embedder

    async def passages(self, agent_id: str, query: str, limit: int) -> Found[Passage]:
        """The entries of an agent's archival memory."""
        return await self._find(_PASSAGES, agent_id, query, limit)

    async def chunks(self, agent_id: str, query: str, limit: int) -> Found[folders.FoundChunk]:
        """The pieces of the files that an agent may look into."""
        return await self._find(_CHUNKS, agent_id, query, limit)

    async def _find(self, search: _Search[T], agent_id: str, query: str, limit: int) -> Found[T]:
        vector, model, notice = None, "", None
        if self._embedder is not None and query.strip():
            model = self._embedder.name
            try:
                vector = await self._vector_for(self._embedder, search.kind, agent_id, query)
            except EmbeddingUnavailable as error:
                log.warning("searched_by_words_only", extra={"error": str(error)})
                notice = BY_WORDS_ONLY

        def read(db: sqlite3.Connection) -> list[T]:
            orders = [search.by_words(db, agent_id, query, max(limit, _CONSIDERED))]
            if vector is not None:
                known = vectors.of_agent(db, search.kind, agent_id, model)
                orders.append(most_alike(vector, known, _CONSIDERED))
            return search.load(db, fused(*orders)[:limit])

        return Found(await self._database.read(read), notice)

    async def _vector_for(
        self, embedder: Embedder, kind: Searched, agent_id: str, query: str
    ) -> bytes:
        """Give everything that is searched its vector, and the query its own."""
        missing = await self._database.read(
            lambda db: vectors.missing(db, kind, agent_id, embedder.name, _CAUGHT_UP_AT_ONCE)
        )
        texts = [query, *(text for _, text in missing)]
        wanted, *made = [packed(vector) for vector in await embedder.embed(texts)]
        await self._database.read(partial(_check_size, kind, embedder.name, len(wanted)))
        if made:
            keyed = [(position, one) for (position, _), one in zip(missing, made, strict=True)]
            await self._database.write(lambda db: vectors.put(db, kind, embedder.name, keyed))
        return wanted


def _check_size(kind: Searched, model: str, size: int, db: sqlite3.Connection) -> None:
    known = vectors.size_of(db, kind, model)
    if known is not None and known != size:
        raise EmbeddingWrong(
            f'The embedding model "{model}" now gives {size // 4} numbers for a text, and what is '
            f"stored has {known // 4}. Set model.embedding to the one it was."
        )
