"""Text that a foreign server wrote, made fit for a model to read. Pure."""

from __future__ import annotations

import hashlib
import re
import unicodedata

LONGEST_NAME = 64
"""What makers of models allow for the name of a tool."""
_JOINERS = "\u200c\u200d"
"""Invisible, and part of how some scripts and emoji are written."""
_OTHER = re.compile(r"[^A-Za-z0-9_-]")


def cleaned(text: str, longest: int) -> str:
    """Return the text without control and hidden characters, cut to its longest.

    Hidden ones are those that people do not see and a model reads: marks of direction, and
    the tag characters in which whole sentences can be hidden.
    """
    kept = "".join(c for c in text[: longest * 4] if _is_plain(c)).strip()
    return kept if len(kept) <= longest and len(text) <= longest * 4 else f"{kept[:longest]}…"


def is_plain(text: str) -> bool:
    """Whether nothing in it would be cleaned away."""
    return all(map(_is_plain, set(text)))


def tool_name(server: str, name: str) -> str:
    """Return the name under which agents call a server's tool: `mcp_<server>_<tool>`.

    A name that models could not use as it is gets a mark made from it, so that it is
    the same in every process, and no other tool's.
    """
    whole = f"mcp_{server}_{name}"
    plain = _OTHER.sub("_", whole)
    if plain == whole and len(whole) <= LONGEST_NAME:
        return whole
    mark = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{plain[: LONGEST_NAME - len(mark) - 1]}_{mark}"


def _is_plain(character: str) -> bool:
    if character in "\n\t" or character in _JOINERS:
        return True
    return unicodedata.category(character) not in ("Cc", "Cf", "Co", "Cn", "Cs")
