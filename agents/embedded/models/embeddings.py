"""Embeddings from an OpenAI-compatible endpoint."""

from collections.abc import Sequence

import openai
from openai import AsyncOpenAI

from agents.embedded.errors import EmbeddingUnavailable, EmbeddingWrong
from agents.embedded.options import ModelOptions

_RETRIES = 1
_BATCH = 96
_SECONDS = 20.0


class OpenAICompatibleEmbedder:
    """Implements `Embedder` over HTTP."""

    def __init__(self, options: ModelOptions, name: str) -> None:
        self._name = name
        self._client = AsyncOpenAI(
            api_key=options.api_key or "unused",
            base_url=options.base_url,
            timeout=_SECONDS,
            max_retries=_RETRIES,
        )

    @property
    def name(self) -> str:
        """The endpoint's own name of the model."""
        return self._name

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """A vector for each text, in their order."""
        vectors: list[list[float]] = []
        for start in range(0, len(texts), _BATCH):
            vectors += await self._embed(list(texts[start : start + _BATCH]))
        return vectors

    async def _embed(self, texts: list[str]) -> list[list[float]]:
        try:
            answer = await self._client.embeddings.create(
                model=self._name, input=texts, encoding_format="float"
            )
        except openai.APIError as error:
            raise EmbeddingUnavailable(
                f'The embedding model "{self._name}" can not be reached: {error}'
            ) from error
        vectors = [item.embedding for item in sorted(answer.data or (), key=lambda one: one.index)]
        sizes = {len(vector) for vector in vectors}
        if len(vectors) != len(texts) or len(sizes) != 1 or 0 in sizes:
            raise EmbeddingWrong(
                f'The embedding model "{self._name}" answered {len(texts)} texts with '
                f"{len(vectors)} vectors of the sizes {sorted(sizes)}."
            )
        return vectors

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()
