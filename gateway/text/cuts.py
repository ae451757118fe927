"""Where Markdown may be cut, how good each place is, and what mends both sides of it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum

from markdown_it.token import Token

from gateway.text.graphemes import is_torn_at
from gateway.text.parser import parse_blocks
from gateway.text.spans import Span, spans


class Rank(IntEnum):
    """What is torn apart by a cut, from nothing to everything."""

    BLOCK = 0
    ITEM = 1
    ROW = 2
    LINE = 3
    SENTENCE = 4
    WORD = 5
    INSIDE = 6
    """Between words or lines, but within a link, a style, or right after a title."""
    CHARACTER = 7


@dataclass(frozen=True, slots=True)
class Cut:
    """A place in a text, and the repairs around it."""

    place: int
    rank: Rank
    closing: str = ""
    """Goes behind what stands before the cut: the end of a fence."""
    opening: str = ""
    """Goes before what follows: a fence, the mark of a quote, the header of a table."""
    number: int | None = None
    """The number that the entry after the cut has in its list, when it does not say so itself."""


_FLOORS = (0.35, 0.35, 0.4, 0.4, 0.3, 0.2, 0.1, 0.0)
"""How much of the text must stand before a cut of each rank for it to be worth it."""

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_CONTAINER = re.compile(r"[ \t>]*(?:(?:[-+*]|\d{1,9}[.)])[ \t]+[ \t>]*)*")
_PAUSE = re.compile(
    r"(?P<sentence>[.!?…][\"')\]*_]*[ \t]+|[。！？][」』）]*[ \t]*)|[ \t]+|(?<=[、，；])"
)
_WOULD_MARK = re.compile(
    r"\s|[>|]|[-+*](?:\s|\Z)|#{1,6}(?:\s|\Z)|`{3}|~{3}|\d{1,9}(?:[.)]|\Z)"
    r"|[-*_`~#]+[ \t]*(?:[\r\n]|\Z)"
)
"""What may not begin a part by a cut within a line: there it would mean something else."""
_LONGEST_CHARACTER = 64
"""How many code points one visible character may have before it is torn after all."""
_NOT_IN_MARK = re.compile(r"[^>\s]")
_LONGEST_OPENING = 3
"""A header that takes more than one part in so many is not repeated."""


def best_cuts(body: str, opening: str = "", number: int | None = None) -> Iterator[Cut]:
    """Yield places to cut `body` at, the best first, each worse one later.

    They depend on nothing but the body, the opening that was put before it, and
    the number that its first entry has.
    Where nothing else is left characters are parted, but not what people see as one.
    """
    found = _Lines(opening + body, len(opening), number).cuts()
    seen: set[int] = set()
    for rank in Rank:
        floor = len(opening) + _FLOORS[rank] * len(body)
        for cut in reversed(found):
            if cut.rank <= rank and cut.place >= floor and cut.place not in seen:
                seen.add(cut.place)
                yield replace(cut, place=cut.place - len(opening))


class _Lines:
    """The lines of a text, with what the parser says about each."""

    def __init__(self, text: str, after: int, number: int | None) -> None:
        self._text = text
        self._after = after
        self._starts = [m.start() for m in _LINE.finditer(text) if m.start() < len(text)]
        count = len(self._starts)
        self._begins = [start + len(_container(text, start)) for start in self._starts]
        """Where the words of each line begin, behind the marks of lists and quotes."""
        self._ranks: list[Rank | None] = [Rank.LINE] * count
        self._quotes = [0] * count
        self._verbatim: list[Token | None] = [None] * count
        self._headers = [""] * count
        self._numbers: list[int | None] = [None] * count
        self._learn(parse_blocks(text) or [], number)

    # -- what the parser says ------------------------------------------------------------------

    def _learn(self, tokens: list[Token], number: int | None) -> None:
        numbers: list[int] = []
        for token in tokens:
            if token.type == "ordered_list_open":
                start = number if number is not None else int(token.attrs.get("start", 1))
                numbers.append(start)
                number = None
            elif token.type == "ordered_list_close":
                numbers.pop()
            if token.map is None or token.map[0] >= len(self._starts):
                continue
            if token.nesting >= 0 and token.type != "inline":
                self._learn_start(token, numbers)
            self._learn_inside(token)

    def _learn_start(self, token: Token, numbers: list[int]) -> None:
        first = (token.map or [0])[0]
        if token.level == 0:
            self._lower(first, Rank.BLOCK)
        elif token.type in {"list_item_open", "fence", "table_open"} or self._follows_blank(first):
            self._lower(first, Rank.ITEM)
        if token.type == "list_item_open" and token.info and numbers:
            self._numbers[first] = numbers[-1] if int(token.info) != numbers[-1] else None
            numbers[-1] += 1

    def _learn_inside(self, token: Token) -> None:
        first, end = token.map or (0, 0)
        end = min(end, len(self._starts))
        if token.type == "blockquote_open":
            for line in range(first, end):
                self._quotes[line] += 1
        elif token.type == "fence":
            self._learn_fence(token, first, end)
        elif token.type == "table_open":
            self._learn_table(first, end)
        elif token.type == "heading_open":
            self._keep_with_next(end)

    def _learn_fence(self, token: Token, first: int, end: int) -> None:
        for line in range(first + 1, end):
            self._verbatim[line] = token
        if end > first + 1 and not self._raw(end - 1).strip(" \t>\r\n" + token.markup[0]):
            self._ranks[end - 1] = None
            self._verbatim[end - 1] = None
        if first + 1 < end:
            self._ranks[first + 1] = None

    def _learn_table(self, first: int, end: int) -> None:
        header = "".join(_without_marks(self._raw(line)) for line in range(first, first + 2))
        for line in range(first + 1, end):
            is_row = line > first + 2 and self._raw(line).endswith("\n")
            self._ranks[line] = Rank.ROW if is_row else None
            if is_row and len(header) * _LONGEST_OPENING < len(self._text):
                self._headers[line] = header

    def _keep_with_next(self, line: int) -> None:
        while line < len(self._starts) and not self._raw(line).strip(" \t>\r\n"):
            line += 1
        if line < len(self._starts):
            self._ranks[line] = Rank.INSIDE

    def _lower(self, line: int, rank: Rank) -> None:
        """Note a better rank; a line that is to be kept where it is stays so."""
        known = self._ranks[line]
        if known is not None and known != Rank.INSIDE:
            self._ranks[line] = min(known, rank)

    def _follows_blank(self, line: int) -> bool:
        return line > 0 and not self._raw(line - 1).strip(" \t>\r\n")

    def _raw(self, line: int) -> str:
        end = self._starts[line + 1] if line + 1 < len(self._starts) else len(self._text)
        return self._text[self._starts[line] : end]

    # -- the places ----------------------------------------------------------------------------

    def cuts(self) -> list[Cut]:
        """Return every place worth a thought, from left to right."""
        runs = _merged(spans(self._text))
        found = [*self._at_lines(), *self._within_lines()]
        ranked = (self._ranked(cut, runs) for cut in found)
        return sorted([*ranked, *self._at_characters()], key=lambda cut: cut.place)

    def _ranked(self, cut: Cut, runs: list[Span]) -> Cut:
        """Make a cut worse that tears a run apart; verbatim text has none."""
        if cut.rank < Rank.LINE or self._verbatim[self._line_at(cut.place)] is not None:
            return cut
        before = bisect_right(runs, (cut.place, 0)) - 1
        is_inside = before >= 0 and runs[before][0] < cut.place < runs[before][1]
        return replace(cut, rank=Rank.INSIDE) if is_inside else cut

    def _line_at(self, place: int) -> int:
        return bisect_right(self._starts, place) - 1

    def _at_lines(self) -> Iterator[Cut]:
        for line, start in enumerate(self._starts):
            rank = self._ranks[line]
            raw = self._raw(line)
            if start <= self._after or rank is None or not raw.strip():
                continue
            token = self._verbatim[line]
            if token is not None:
                fence = self._fence(token)
                yield Cut(start, rank, closing=f"\n{fence[1]}", opening=f"{fence[0]}\n")
                continue
            opening = self._headers[line] or "> " * self._missing_quotes(line, raw)
            yield Cut(start, rank, opening=opening, number=self._numbers[line])

    def _missing_quotes(self, line: int, raw: str) -> int:
        return max(0, self._quotes[line] - _container(raw).count(">"))

    def _within_lines(self) -> Iterator[Cut]:
        for match in _PAUSE.finditer(self._text, self._after):
            place = match.end()
            line = self._line_at(place)
            if not self._is_within(line, place) or _WOULD_MARK.match(self._text, place):
                continue
            yield self._cut_within(line, place, Rank.SENTENCE if match["sentence"] else Rank.WORD)

    def _is_within(self, line: int, place: int) -> bool:
        return max(self._begins[line], self._after) < place < len(self._text)

    def _cut_within(self, line: int, place: int, rank: Rank) -> Cut:
        token = self._verbatim[line]
        quote = "> " * self._quotes[line]
        if token is None:
            return Cut(place, rank, opening=quote)
        opening, closing = self._fence(token)
        return Cut(place, rank, closing=f"\n{closing}", opening=f"{opening}\n{quote}")

    def _at_characters(self) -> Iterator[Cut]:
        """In the middle and near the end, for text without any better place.

        Not at the end: what is seen there may be half of something.
        """
        for place in (self._after + (len(self._text) - self._after) // 2, len(self._text) - 1):
            whole = place
            while (
                whole > self._after
                and place - whole < _LONGEST_CHARACTER
                and is_torn_at(self._text, whole)
            ):
                whole -= 1
            if whole > self._after:
                yield self._cut_within(self._line_at(whole), whole, Rank.CHARACTER)

    def _fence(self, token: Token) -> tuple[str, str]:
        """Return the lines that open and close a fence anew, wherever it is nested."""
        raw = self._raw((token.map or [0])[0])
        before = _NOT_IN_MARK.sub(" ", raw[: raw.find(token.markup)])
        words = token.info.split(maxsplit=1)
        language = words[0][:40] if words else ""
        return f"{before}{token.markup}{language}", f"{before}{token.markup}"


def _merged(runs: list[Span]) -> list[Span]:
    """Make runs that overlap one, in order."""
    merged: list[Span] = []
    for start, end in sorted(runs):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _container(text: str, start: int = 0) -> str:
    """Return the marks of lists and quotes that a line begins with."""
    mark = _CONTAINER.match(text, start)
    return mark[0] if mark else ""


def _without_marks(raw: str) -> str:
    end = len(_container(raw))
    return _NOT_IN_MARK.sub(" ", raw[:end]) + raw[end:]
