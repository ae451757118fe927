"""Makes text from outside fit for every database."""

from __future__ import annotations


def storable(text: str) -> str:
    """Replace what a database refuses: NUL, and halves of surrogate pairs from loose JSON."""
    if text.isascii() and "\0" not in text:
        return text
    whole = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return whole.replace("\0", "�")
