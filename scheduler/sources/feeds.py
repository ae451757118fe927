"""Feeds and pages as lines to read: RSS and Atom by entry, all else as one text. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from html import unescape
from html.parser import HTMLParser
from xml.etree import ElementTree

LONGEST_ENTRY = 1_000
"""Characters of one entry that an agent gets to read."""
LONGEST_PAGE = 8_000
_SUMMARIES = ("description", "summary", "content", "encoded")
_HIDDEN = ("script", "style", "template", "noscript")


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


class _Text(HTMLParser):
    """Collects the text of a page, without what is not shown."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Enter an element."""
        self._hidden += tag in _HIDDEN

    def handle_endtag(self, tag: str) -> None:
        """Leave an element."""
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)

    def handle_data(self, data: str) -> None:
        """Take in text."""
        if not self._hidden and data.strip():
            self.parts.append(" ".join(data.split()))


def _page_text(markup: str) -> str:
    parser = _Text()
    parser.feed(unescape(markup) if "&lt;" in markup else markup)
    parser.close()
    return "\n".join(parser.parts)
