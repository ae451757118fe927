"""Cuts Markdown into parts that fit a platform's messages, each of them Markdown by itself."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from gateway.text.cuts import Cut, Rank, best_cuts

Measure = Callable[[str], int]
"""How much of the limit a part takes, once it is rendered."""

SMALLEST_LIMIT = 64
_DENSEST = 2
"""A part has at most so many times its limit of source, however little of that is shown."""
_REMEMBERED = 64
"""Texts whose beginning is kept settled, so that their growth costs only what is new."""
_BLANK_LINES = re.compile(r"(?:[ \t]*(?:\r\n?|\n))+")
_NUMBER = re.compile(r"\d{1,9}")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the source and the repairs that let it stand alone."""

    body: str
    """Verbatim: the bodies of all pieces join to the source."""
    opening: str = ""
    closing: str = ""
    number: int | None = None
    """Takes the place of the first number in the body, so that a list goes on counting."""

    @property
    def text(self) -> str:
        """The part: repairs and body, without the blank lines at its ends; empty if only those."""
        skipped = _BLANK_LINES.match(self.body)
        body = self.body[skipped.end() if skipped else 0 :].rstrip()
        if not body:
            return ""
        if self.number is not None:
            body = _NUMBER.sub(str(self.number), body, count=1)
        return f"{self.opening}{body}{self.closing}"


@dataclass(frozen=True, slots=True)
class _Progress:
    """How far a text is settled, whatever comes after it."""

    pieces: tuple[Piece, ...] = ()
    start: int = 0
    """Where the last part begins, which still grows."""
    opening: str = ""
    number: int | None = None
    fits: int = 0
    """The text up to here was measured, and fits."""
    taken: int = 0
    """What it measured."""
    seen: tuple[int, int] = (0, 0)
    """The same for the end of the text; spares measuring it again, and decides no cut."""

    def tail(self, text: str, end: int) -> Piece:
        return Piece(text[self.start : end], self.opening, number=self.number)


class Splitter:
    """Splits texts that grow. A pure function of the text that remembers what it settled.

    Growing a text leaves every part but the last as it was. To that end a cut is
    decided by nothing behind it but the first few characters that no longer fit:
    the text is measured at places that are chosen from left to right, each as far
    on as the room left allows if every character were to grow as much as a
    renderer lets it. Underlined headings and link definitions, which reach back,
    are not Markdown here (see `tree`).

    `measure` must not shrink by more than that when text is added; where it
    does (a mark that, once closed, takes less room than before, right at the
    limit) the parts still fit, and the last cut may move once.
    """

    def __init__(self, limit: int, measure: Measure) -> None:
        if limit < SMALLEST_LIMIT:
            raise ValueError(
                f"A limit of {limit} leaves no room; it must be {SMALLEST_LIMIT} or more."
            )
        self._limit = limit
        self._measure = measure
        self._settled: OrderedDict[str, _Progress] = OrderedDict()

    def split(self, text: str) -> list[str]:
        """Return the parts, none over the limit and none empty; no part for a blank text."""
        return [part for piece in self.pieces(text) if (part := piece.text)]

    def pieces(self, text: str) -> list[Piece]:
        """Return the parts with their repairs apart; the bodies join to `text`."""
        progress = self._look_at_tail(self._settle(self._remembered(text), text), text)
        self._remember(text, progress)
        while progress.start < len(text) and progress.seen[0] < len(text):
            progress = self._settle(self._cut(progress, text), text)
            progress = self._look_at_tail(progress, text)
        return [*progress.pieces, progress.tail(text, len(text))]

    def _look_at_tail(self, progress: _Progress, text: str) -> _Progress:
        """Note that the whole text fits, if it does."""
        at, taken = max(progress.seen, (progress.fits, progress.taken))
        if at == len(text) or self._grows_plainly(text, progress.start, at, self._limit - taken):
            return replace(progress, seen=(len(text), taken + _growth(text[at:])))
        taken = self._measure(progress.tail(text, len(text)).text)
        return replace(progress, seen=(len(text), taken)) if taken <= self._limit else progress

    def _grows_plainly(self, text: str, start: int, at: int, room: int) -> bool:
        """Say whether all behind `at` is words that fit even if each letter were escaped."""
        if not _PLAIN.fullmatch(text, at) or _growth(text[at:]) > room:
            return False
        return _rows_before(text, start, at) == 0

    # -- from left to right --------------------------------------------------------------------

    def _settle(self, progress: _Progress, text: str) -> _Progress:
        """Make every cut that no further text can move."""
        while progress.fits < len(text):
            room = self._limit - progress.taken
            reserve = self._reserve(text, progress)
            if room <= reserve:
                progress = self._cut(progress, text[: progress.fits])
                continue
            end = _reach(text, progress.start, progress.fits, room - reserve // 2)
            if end > len(text):
                break
            least = (end - progress.start) // _DENSEST
            taken = max(least, self._measure(progress.tail(text, end).text))
            if taken > self._limit:
                progress = self._cut(progress, text[:end])
            else:
                progress = replace(progress, fits=end, taken=taken)
        return progress

    def _reserve(self, text: str, progress: _Progress) -> int:
        """Leave room for marks that are not closed yet; in a table each widens all rows."""
        rows = _rows_before(text, progress.start, progress.fits)
        return max(16, self._limit // 100, min(self._limit // 4, _OPEN_MARKS * rows))

    def _cut(self, progress: _Progress, text: str) -> _Progress:
        """Decide by what is known to fit, never by what comes behind it."""
        end = progress.fits
        if end == progress.start:
            end = self._first_fit(progress, text)
        cut = self._choose(progress, text[progress.start : end])
        place = progress.start + cut.place
        piece = replace(progress.tail(text, place), closing=cut.closing)
        return self._begin((*progress.pieces, piece), place, cut)

    def _first_fit(self, progress: _Progress, text: str) -> int:
        """Look backwards: even the first step was too long, which takes an odd renderer."""
        end = min(len(text), progress.start + self._limit)
        while end > progress.start + 1:
            if self._measure(progress.tail(text, end).text) <= self._limit:
                break
            end = (progress.start + end) // 2
        return end

    def _choose(self, progress: _Progress, body: str) -> Cut:
        while len(body) > 1:
            for cut in best_cuts(body, progress.opening, progress.number):
                piece = Piece(body[: cut.place], progress.opening, cut.closing, progress.number)
                if self._measure(piece.text) <= self._limit:
                    return cut
            body = body[: len(body) // 2]
        return Cut(1, Rank.CHARACTER)

    def _begin(self, pieces: tuple[Piece, ...], start: int, cut: Cut) -> _Progress:
        opening = cut.opening
        if self._measure(opening) * 2 > self._limit:
            opening = ""
        return _Progress(
            pieces, start, opening, cut.number, start, self._measure(opening), (start, 0)
        )

    # -- memory --------------------------------------------------------------------------------

    def _remembered(self, text: str) -> _Progress:
        for known in reversed(self._settled):
            if text.startswith(known):
                return self._settled.pop(known)
        return _Progress()

    def _remember(self, text: str, progress: _Progress) -> None:
        self._settled[text] = progress
        if len(self._settled) > _REMEMBERED:
            self._settled.popitem(last=False)


def split_markdown(markdown: str, limit: int, measure: Measure) -> list[str]:
    """Cut Markdown into parts of at most `limit` each, as `measure` counts them.

    See `Splitter`, which gives the same parts and is made for a text that grows.
    """
    return Splitter(limit, measure).split(markdown)


# -- how far it is safe to go unmeasured -------------------------------------------------------

_PLAIN = re.compile(r"[^\W_][\w ,.;:'\"?!-]*|[ ][\w ,.;:'\"?!-]*|")
"""Text that changes nothing that stands before it by more than its own length."""
_OPEN_MARKS = 6
"""Characters that the marks of one cell take while they are not closed."""
_GROWTH = {"\n": 6, "&": 6, "<": 5, ">": 5, "(": 3, ")": 3, "\\": 3, "|": 3}
"""What a character may add to the rendered text at most, if not 2 (an escape, or a pair)."""


def _reach(text: str, start: int, at: int, room: int) -> int:
    """Return the first place behind `at` where the text may have used up `room`.

    It is one past the end when the text ends before.
    """
    for place in range(at, len(text)):
        room -= _GROWTH.get(text[place], 2)
        if room <= 0:
            return place + 1
    return len(text) + 1


def _growth(added: str) -> int:
    return sum(_GROWTH.get(character, 2) for character in added)


def _rows_before(text: str, start: int, place: int) -> int:
    """Count the lines with columns that stand right before a place."""
    line_start = max(start, text.rfind("\n", start, place) + 1)
    rows = int("|" in text[line_start:place])
    while line_start > start:
        before = max(start, text.rfind("\n", start, line_start - 1) + 1)
        if "|" not in text[before : line_start - 1]:
            break
        rows += 1
        line_start = before
    return rows
