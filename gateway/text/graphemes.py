"""What people see as one character: how wide it is, and where none is torn apart."""

from __future__ import annotations

import unicodedata

_JOINER = "\u200d"
_WIDE_SELECTOR = "\ufe0f"
_ZERO_WIDTH = {"Mn", "Me", "Cf"}
_CLINGS = {"Mn", "Me", "Mc"}


def display_width(text: str) -> int:
    """Return the columns a text takes in a monospace font; emoji and East Asian ones take two."""
    if text.isascii():
        return len(text)
    width = 0
    previous = ""
    for character in text:
        if character == _WIDE_SELECTOR and unicodedata.east_asian_width(previous or " ") != "W":
            width += 1
        elif previous != _JOINER and not _is_skin_tone(character):
            width += _width(character)
        previous = character
    return width


def is_torn_at(text: str, place: int) -> bool:
    """Say whether a cut before `place` would tear one visible character (or CRLF) apart."""
    if not 0 < place < len(text):
        return False
    left, right = text[place - 1], text[place]
    if right.isascii():
        return left == "\r" and right == "\n"
    if left == _JOINER or right == _JOINER or _is_skin_tone(right):
        return True
    if _is_flag_half(left) and _is_flag_half(right):
        return _flag_halves_before(text, place) % 2 == 1
    return unicodedata.category(right) in _CLINGS


def _width(character: str) -> int:
    if unicodedata.category(character) in _ZERO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _is_skin_tone(character: str) -> bool:
    return "\U0001f3fb" <= character <= "\U0001f3ff"


def _is_flag_half(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _flag_halves_before(text: str, place: int) -> int:
    start = place
    while start > max(0, place - 64) and _is_flag_half(text[start - 1]):
        start -= 1
    return place - start
