"""How our values are written in Postgres and read back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def storable(text: str) -> str:
    """Return the text with U+FFFD for each NUL, the one character that Postgres can not store."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """Turn rows into one list per column, as `unnest` wants them; there must be a row."""
    return [list(column) for column in zip(*rows, strict=True)]
