"""Cursor paging, the same for every table: `after` and `before` follow the asked order."""

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a listing is wanted."""

    limit: int = 50
    ascending: bool = False
    """Oldest first."""
    after: str | None = None
    """An id; rows that come after it in the asked order."""
    before: str | None = None
    """An id; rows that come before it in the asked order."""
    after_is_newer: bool = False
    """`after` means newer and `before` older whatever the order (Letta's message lists)."""


def page_rows(
    db: sqlite3.Connection, table: str, where: list[str], values: list[object], page: Page
) -> list[sqlite3.Row]:
    """The rows of one page; an unknown cursor is ignored, as Letta does.

    A `before` cursor asks for the rows nearest to it, so the search runs against the order.
    """
    conditions, parameters = list(where), list(values)
    forward = page.ascending or page.after_is_newer
    for cursor, newer in ((page.after, forward), (page.before, not forward)):
        position = _position(db, table, cursor)
        if position is not None:
            conditions.append(f"position {'>' if newer else '<'} ?")
            parameters.append(position)
    backwards = page.before is not None and page.after is None and not page.after_is_newer
    ascending = page.ascending != backwards
    clause = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    order = "ASC" if ascending else "DESC"
    rows = db.execute(
        f"SELECT * FROM {table} {clause} ORDER BY position {order} LIMIT ?",  # noqa: S608 - our own names
        [*parameters, page.limit],
    ).fetchall()
    return rows[::-1] if backwards else rows


def _position(db: sqlite3.Connection, table: str, cursor: str | None) -> int | None:
    if cursor is None:
        return None
    row = db.execute(f"SELECT position FROM {table} WHERE id = ?", (cursor,)).fetchone()  # noqa: S608 - our own names
    return None if row is None else int(row["position"])
