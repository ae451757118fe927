"""What is kept of one person, put in the same shape and order by every store. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gateway.ports import Kept, Record, Said


def to_record(said: Sequence[Said], limit: int) -> Record:
    """Return the part that these rows make; messages without a text count, and are left out."""
    cursors = [each.entry.cursor for each in said if each.entry.author == "user"]
    before = min(cursors) if cursors and len(cursors) == limit else None
    return Record(tuple(sorted((each for each in said if each.entry.text), key=_place)), before)


def _place(said: Said) -> tuple[int, str, str]:
    return (-said.entry.cursor, said.entry.author, said.entry.id)


def to_kept(rows: Iterable[Sequence[Any]]) -> list[Kept]:
    """Return the rows `(kind, name, text, second text or None)` in their fixed order."""
    found = [
        Kept(kind, name, tuple(text for text in texts if text is not None))
        for kind, name, *texts in rows
    ]
    return sorted(found, key=lambda each: (each.kind, each.name, each.texts))
