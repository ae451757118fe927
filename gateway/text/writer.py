"""Walks the tree and writes it down; what differs between platforms is overridden by dialects."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable

from gateway.text import tables
from gateway.text.tree import (
    Block,
    Break,
    Code,
    Fence,
    Heading,
    Image,
    Inline,
    Item,
    Line,
    Link,
    Listing,
    Paragraph,
    Quote,
    Rule,
    Style,
    Styled,
    Table,
    Text,
)

ZERO_WIDTH_SPACE = "\u200b"
_TICKS = re.compile(r"`+")
_BLOCK_MARK = re.compile(
    r"^[ \t]*(?:(?=#{1,6}(?:[ \t]|$)|-#|>|[-+](?:[ \t]|$)|-[- \t]*$|=+[ \t]*$)"
    r"|\d{1,9}(?=[.)](?:[ \t]|$)))",
    re.MULTILINE,
)


class Writer(ABC):
    """One dialect. Stateless; every method returns text that the platform shows as meant."""

    @abstractmethod
    def text(self, text: str) -> str:
        """Write words so that nothing in them is taken for a mark."""

    @abstractmethod
    def code(self, text: str) -> str:
        """Write verbatim words within a line."""

    @abstractmethod
    def styled(self, style: Style, inner: str) -> str:
        """Set written words in a style; they are not empty and have no space at their ends."""

    @abstractmethod
    def link(self, link: Link) -> str:
        """Write words that lead somewhere."""

    @abstractmethod
    def heading(self, heading: Heading) -> str:
        """Write a title."""

    @abstractmethod
    def fence(self, language: str, code: str) -> str:
        """Write verbatim lines; `code` has no line end at its end."""

    @abstractmethod
    def rule(self) -> str:
        """Write a line across."""

    def image(self, image: Image) -> str:
        """Write a picture as its name and its address."""
        url = self.link(Link(image.url, (Text(image.url),)))
        return ": ".join(filter(None, (self.text(image.alt.strip()), url)))

    def paragraph(self, written: str) -> str:
        """Take a written paragraph; here a dialect hides what looks like a mark of a block."""
        return written

    def bullet(self, depth: int) -> str:
        """Return what stands before an entry without a number; `depth` counts from 0."""
        del depth
        return "- "

    def task(self, *, is_done: bool) -> str:
        """Return what stands before a task."""
        return "☑ " if is_done else "☐ "

    def table(self, table: Table) -> str:
        """Write a table: in columns, or as a list when it is too wide for that."""
        if not tables.is_too_wide(table):
            return self.fence("", tables.aligned(table, words))
        rows = (
            self._hang(self.bullet(0), "\n".join(map(self.line, row)))
            for row in tables.entries(table)
        )
        return "\n".join(rows)

    # -- the walk ------------------------------------------------------------------------------

    def document(self, blocks: tuple[Block, ...]) -> str:
        """Write a whole text."""
        return self._stack(blocks, depth=0).strip("\n")

    def _stack(self, blocks: Iterable[Block], depth: int) -> str:
        pieces: list[str] = []
        for block in blocks:
            written = self._block(block, depth)
            if not written:
                continue
            if pieces:
                pieces.append("\n\n" if block.is_apart else "\n")
            pieces.append(written)
        return "".join(pieces)

    def _block(self, block: Block, depth: int) -> str:
        match block:
            case Paragraph(line):
                return self.paragraph(self.line(line))
            case Heading(level, line):
                return self.heading(block) if line else self.text("#" * level)
            case Fence(language, code):
                return self.fence(language, code.removesuffix("\n"))
            case Quote(blocks):
                return self.quote(self._stack(self.quoted(blocks), depth=0))
            case Listing():
                return self._listing(block, depth)
            case Table():
                return self.table(block)
            case Rule():
                return self.rule()

    def quoted(self, blocks: tuple[Block, ...]) -> Iterable[Block]:
        """Return the blocks to be written within a quote."""
        return blocks

    def quote(self, written: str) -> str:
        """Mark every line as said by somebody else."""
        return "\n".join(f"> {line}" for line in written.split("\n"))

    def _listing(self, listing: Listing, depth: int) -> str:
        pieces: list[str] = []
        for number, item in enumerate(listing.items):
            if pieces:
                pieces.append("\n\n" if item.is_apart else "\n")
            mark = self.bullet(depth) if listing.start is None else f"{listing.start + number}. "
            pieces.append(self._item(mark, item, depth))
        return "".join(pieces)

    def _item(self, mark: str, item: Item, depth: int) -> str:
        task = "" if item.is_done is None else self.task(is_done=item.is_done)
        return self._hang(mark, task + self._stack(item.blocks, depth + 1))

    def _hang(self, mark: str, written: str) -> str:
        """Put a mark before the first line and indent the others by as much."""
        first, *rest = written.split("\n")
        indent = " " * len(mark)
        return "\n".join(
            [(mark + first).rstrip(), *(indent + line if line else "" for line in rest)]
        )

    def line(self, line: Line) -> str:
        """Write what stands in one paragraph, heading or cell."""
        return "".join(map(self._inline, line))

    def _inline(self, inline: Inline) -> str:
        match inline:
            case Text(text):
                return self.text(text)
            case Code(text):
                return self.code(text)
            case Break():
                return "\n"
            case Link():
                return self.link(inline)
            case Image():
                return self.image(inline)
            case Styled(style, children):
                return self.style(style, children)

    def style(self, style: Style, line: Line) -> str:
        """Write a line in one style, spaces at its ends left outside."""
        written = self.line(tuple(_without(style, line)))
        inner = written.strip()
        if not inner:
            return written
        start = written.index(inner)
        return f"{written[:start]}{self.styled(style, inner)}{written[start + len(inner) :]}"


def _without(style: Style, line: Line) -> Iterable[Inline]:
    """Take a style out of a line that is set in it as a whole."""
    for inline in line:
        match inline:
            case Styled(inner, children) if inner == style:
                yield from _without(style, children)
            case Styled(inner, children):
                yield Styled(inner, tuple(_without(style, children)))
            case _:
                yield inline


def words(line: Line) -> str:
    """Return what a line says on one line without any mark, addresses of links included."""
    said: list[str] = []
    for inline in line:
        match inline:
            case Text(text) | Code(text):
                said.append(text)
            case Break():
                said.append(" ")
            case Image(url, alt):
                said.append(f"{alt}: {url}" if alt.strip() else url)
            case Link(url, children):
                said.append(with_address(words(children), url))
            case Styled(_, children):
                said.append(words(children))
    return "".join(said)


def with_address(label: str, url: str) -> str:
    """Return `label (url)`, or the URL alone when the label says no more than it."""
    if not label.strip() or label == url:
        return url
    return label if url in {"", f"mailto:{label}"} else f"{label} ({url})"


def hide_block_marks(paragraph: str) -> str:
    """Put a backslash before what would begin a title, a list, a quote or a rule."""
    return _BLOCK_MARK.sub(r"\g<0>\\", paragraph)


def fitting_ticks(code: str, at_least: int) -> str:
    """Return a run of backticks that is longer than every run in the code."""
    longest = max((len(run) for run in _TICKS.findall(code)), default=0)
    return "`" * max(at_least, longest + 1)


def span(code: str) -> str:
    """Write verbatim words between backticks that they do not hold themselves."""
    if not code.strip():
        return code
    ticks = fitting_ticks(code, 1)
    padding = " " if code[0] == "`" or code[-1] == "`" else ""
    return f"{ticks}{padding}{code}{padding}{ticks}"


def is_web(url: str) -> bool:
    """Say whether a URL is one that people may be sent to with a click."""
    return url[:8].lower().startswith(("http://", "https://"))


def looks_like_address(label: str, url: str) -> bool:
    """Say whether a label pretends to be another address than the one it leads to."""
    return "://" in label and label.strip() != url
