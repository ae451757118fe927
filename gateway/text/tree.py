"""Markdown as agents write it, as a tree. How a platform shows the tree is its dialect's job.

CommonMark with tables, strikethrough, task lists and bare links. Left out on purpose, because
each would let later text change what earlier text was, and people watch answers grow:
underlined headings, link definitions and indented code. HTML is text like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Style(StrEnum):
    """How a run of text is set."""

    STRONG = "strong"
    EMPHASIS = "emphasis"
    STRIKE = "strike"


# -- within a line -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text:
    """Words, with nothing left in them to interpret."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """Verbatim words within a line."""

    text: str


@dataclass(frozen=True, slots=True)
class Break:
    """The end of a line within a paragraph; agents mean it, so it is always kept."""


@dataclass(frozen=True, slots=True)
class Link:
    """Words that lead somewhere. A bare URL has itself as its only word."""

    url: str
    children: tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Image:
    """A picture that is named, and shown as a link."""

    url: str
    alt: str


@dataclass(frozen=True, slots=True)
class Styled:
    """A run set in one style."""

    style: Style
    children: tuple[Inline, ...]


Inline = Text | Code | Break | Link | Image | Styled
Line = tuple[Inline, ...]


# -- blocks ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines that belong together."""

    line: Line
    is_apart: bool
    """True when a blank line stands before it, as for all blocks."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A title of level 1 to 6."""

    level: int
    line: Line
    is_apart: bool


@dataclass(frozen=True, slots=True)
class Fence:
    """Verbatim lines, the last one ended."""

    language: str
    """The first word after the opening mark; empty when there is none."""
    code: str
    is_apart: bool


@dataclass(frozen=True, slots=True)
class Quote:
    """Blocks that somebody else said."""

    blocks: tuple[Block, ...]
    is_apart: bool


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a list."""

    blocks: tuple[Block, ...]
    is_done: bool | None
    """Of a task; None for an entry that is none."""
    is_apart: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """Entries, numbered from `start`, or with bullets when that is None."""

    items: tuple[Item, ...]
    start: int | None
    is_apart: bool


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header, each with as many cells as the header."""

    header: tuple[Line, ...]
    rows: tuple[tuple[Line, ...], ...]
    aligns: tuple[str, ...]
    """`left`, `right`, `center` or nothing, for each column."""
    source_width: int
    """Characters of the widest cell of each column, as written, in sum; only ever grows."""
    is_apart: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across."""

    is_apart: bool


Block = Paragraph | Heading | Fence | Quote | Listing | Table | Rule
