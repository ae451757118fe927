"""Feeds and pages as lines to read: RSS and Atom by entry, all else as one text. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from html import unescape
from xml.etree import ElementTree

LONGEST_ENTRY = 1_000
"""Characters of one entry that an agent gets to read."""
LONGEST_PAGE = 8_000
_SUMMARIES = ("description", "summary", "content", "encoded")
_HIDDEN = ("script", "style", "template", "noscript")
_COMMENT = "<!--"
_MARK = re.compile(r"<!--|<[/!?a-zA-Z][^<>]*>")
"""What is not text. No part of it can be read in two ways, so no search goes back and forth."""
_ENDLESS = re.compile(r"&#[xX]?[0-9a-fA-F]{9,};?")
"""Names no character, and Python refuses to read a number of thousands of digits."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One piece of news."""

    id: str
    """A digest that stays the same while the entry does."""
    text: str


def read_entries(text: str, media_type: str) -> list[Entry]:
    """Return a feed's entries in its order; of anything else, the whole text as one entry."""
    stripped = text.lstrip("\ufeff \t\r\n")
    if stripped.startswith("<") and (entries := _feed_entries(stripped)) is not None:
        return entries
    is_page = "html" in media_type or stripped[:15].lower().startswith(("<!doctype html", "<html"))
    shown = _page_text(text) if is_page else text.strip()
    return [Entry(_digest(shown), shown[:LONGEST_PAGE])]


def _feed_entries(text: str) -> list[Entry] | None:
    """Return the entries; None for what is no feed. No document with a DTD is parsed."""
    if re.search(r"<!(DOCTYPE|ENTITY)", text, re.IGNORECASE):
        return None
    try:
        # The declared encoding was that of the bytes; this is text already.
        root = ElementTree.fromstring(re.sub(r"^<\?xml[^>]*\?>", "", text))  # noqa: S314 - no DTD
    except ElementTree.ParseError:
        return None
    if _name(root) not in ("rss", "feed", "RDF"):
        return None
    return [_entry(each) for each in root.iter() if _name(each) in ("item", "entry")]


def _entry(element: ElementTree.Element) -> Entry:
    fields: dict[str, str] = {}
    for part in element:
        content = (part.text or "").strip() or part.get("href", "")
        fields.setdefault(_name(part), content)
    summary = next((fields[name] for name in _SUMMARIES if fields.get(name)), "")
    lines = [fields.get("title", ""), fields.get("link", ""), _page_text(summary)]
    text = "\n".join(line for line in lines if line)[:LONGEST_ENTRY]
    return Entry(_digest(fields.get("guid") or fields.get("id") or text), text)


def _name(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _page_text(markup: str) -> str:
    """Return the text of a page, without what is not shown.

    One pass, whatever is written there: for tags that never end, html.parser takes
    time with the square of their number, and the whole gateway would wait.
    """
    text = _unescaped(markup) if "&lt;" in markup else markup
    parts: list[str] = []
    at = 0
    while (mark := _MARK.search(text, at)) is not None:
        parts.append(text[at : mark.start()])
        at = _after(text, mark)
    parts.append(text[at:])
    lines = (" ".join(_unescaped(part).split()) for part in parts)
    return "\n".join(line for line in lines if line)


def _unescaped(text: str) -> str:
    return unescape(_ENDLESS.sub("\ufffd", text))


def _after(text: str, mark: re.Match[str]) -> int:
    """Return where reading goes on: behind a tag, or behind what it hides."""
    if mark[0] == _COMMENT:
        end = text.find("-->", mark.end())
        return len(text) if end < 0 else end + len("-->")
    name = mark[0][1:].split(None, 1)[0].rstrip("/>").lower()
    if name not in _HIDDEN:
        return mark.end()
    end = re.compile(f"</{name}", re.IGNORECASE).search(text, mark.end())
    return len(text) if end is None else end.start()
