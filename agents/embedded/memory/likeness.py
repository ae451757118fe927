"""How alike two texts are by their embeddings, and one order out of two searches. Pure."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from operator import mul

LEAST_ALIKE = 0.2
"""Below this cosine two texts have nothing to do with each other."""
_RANK_OFFSET = 60
"""Of reciprocal rank fusion: how much the first few places weigh over the rest."""


def packed(vector: Sequence[float]) -> bytes:
    """A vector of length one in this direction, as it is stored: 32-bit floats."""
    length = math.sqrt(sum(map(mul, vector, vector))) or 1.0
    return array("f", (number / length for number in vector)).tobytes()


def most_alike(
    vector: bytes, others: Sequence[tuple[int, bytes]], limit: int, least: float = LEAST_ALIKE
) -> list[int]:
    """The keys of the vectors nearest to this one, nearest first; all have the same size."""
    wanted = _unpacked(vector)
    alike = [(sum(map(mul, wanted, _unpacked(other))), key) for key, other in others]
    alike.sort(key=lambda pair: (-pair[0], pair[1]))
    return [key for cosine, key in alike[:limit] if cosine >= least]


def fused(*orders: Sequence[int]) -> list[int]:
    """One order: high in several beats first in one."""
    scores: dict[int, float] = {}
    for order in orders:
        for rank, key in enumerate(order):
            scores[key] = scores.get(key, 0.0) + 1 / (_RANK_OFFSET + rank)
    return sorted(scores, key=lambda key: -scores[key])


def _unpacked(vector: bytes) -> array[float]:
    numbers = array("f")
    numbers.frombytes(vector)
    return numbers
