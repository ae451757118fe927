"""Runs within a paragraph that a cut should leave whole: code, links, addresses, styles."""

from __future__ import annotations

import re
from collections.abc import Iterator

Span = tuple[int, int]
"""Where a run starts and where it has ended."""

_LONGEST = 400
"""A longer run is cut like any other text."""
_LONGEST_OPEN = 200
"""How far a mark that is not closed yet protects what follows it."""
_MARKS = re.compile(
    r"(?P<skipped>\\.|\n[ \t>]*\n)"
    r"|(?P<code>`+)"
    r"|(?P<style>\*{1,3}|~~|\|\||(?<!\w)_{1,3}|_{1,3}(?!\w))"
    r"|(?P<opens>!?\[)"
    r"|(?P<turns>\]\()"
    r"|(?P<closes>\))"
    r"|(?P<address><?https?://\S+)",
    re.DOTALL,
)


def spans(text: str) -> list[Span]:
    """Find the runs in one pass, from left to right. Marks that a blank line parts never pair."""
    return [span for span in _Scanner(text).scan() if span[1] - span[0] <= _LONGEST]


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._opened: dict[str, int] = {}
        """Where each mark that still waits for its other half stands."""

    def scan(self) -> Iterator[Span]:
        for match in _MARKS.finditer(self._text):
            if match["skipped"]:
                self._opened = {} if match["skipped"][0] == "\n" else self._opened
            elif not self._is_within_code(match):
                yield from self._take(match)
        for start in self._opened.values():
            if len(self._text) - start <= _LONGEST_OPEN:
                yield start, len(self._text)

    def _is_within_code(self, match: re.Match[str]) -> bool:
        code = next((mark for mark in self._opened if mark[0] == "`"), None)
        if code is None or match.end() - self._opened[code] > _LONGEST:
            return False
        return match[0] != code

    def _take(self, match: re.Match[str]) -> Iterator[Span]:
        mark = match[0]
        if match["address"]:
            yield match.span()
        elif match["opens"]:
            self._opened["["] = match.start()
        elif match["turns"] and "[" in self._opened:
            self._opened[")"] = self._opened.pop("[")
        elif match["closes"] and ")" in self._opened:
            yield self._opened.pop(")"), match.end()
        elif match["code"] or match["style"]:
            if mark in self._opened:
                yield self._opened.pop(mark), match.end()
            elif match["code"] or self._can_open(match):
                self._opened[mark] = match.start()

    def _can_open(self, match: re.Match[str]) -> bool:
        following = self._text[match.end() : match.end() + 1]
        return bool(following) and not following.isspace()
