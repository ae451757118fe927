"""Tables for platforms that have none: as aligned columns, or as one list entry per row."""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest

from gateway.text.graphemes import display_width
from gateway.text.tree import Line, Style, Styled, Table, Text

WIDEST = 76
"""Columns that fit a message on a desktop; wider tables become lists. A phone shows fewer."""


def is_too_wide(table: Table) -> bool:
    """Decide by the source, which only grows, so that a growing table never changes back."""
    return table.source_width > WIDEST


def aligned(table: Table, words: Callable[[Line], str]) -> str:
    """Draw the table in columns, for a monospace font."""
    rows = [[words(cell) for cell in row] for row in (table.header, *table.rows)]
    widths = [
        max(3, *(display_width(cell) for cell in column)) for column in zip(*rows, strict=True)
    ]
    drawn = [_draw(row, widths, table.aligns) for row in rows]
    return "\n".join([drawn[0], "-+-".join("-" * width for width in widths), *drawn[1:]])


def _draw(row: list[str], widths: list[int], aligns: tuple[str, ...]) -> str:
    cells = [
        _pad(cell, width, align)
        for cell, width, align in zip_longest(row, widths, aligns, fillvalue="")
        if isinstance(width, int)
    ]
    return " | ".join(cells).rstrip()


def _pad(cell: str, width: int, align: str) -> str:
    missing = width - display_width(cell)
    before = {"right": missing, "center": missing // 2}.get(align, 0)
    return " " * before + cell + " " * (missing - before)


def entries(table: Table) -> list[list[Line]]:
    """Return for each row its lines, each a bold header and the cell that belongs to it."""
    rows = table.rows or ((),)
    return [
        [_entry(header, cell) for header, cell in zip_longest(table.header, row, fillvalue=())]
        for row in rows
    ]


def _entry(header: Line, cell: Line) -> Line:
    if not header:
        return cell
    return (Styled(Style.STRONG, (*header, Text(":"))), Text(" "), *cell)
