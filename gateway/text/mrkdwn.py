"""Markdown → mrkdwn, the older dialect of Slack, where a block or a field takes no other."""

from __future__ import annotations

import re

from gateway.text.parser import parse
from gateway.text.tree import Heading, Link, Style
from gateway.text.writer import (
    ZERO_WIDTH_SPACE,
    Writer,
    is_web,
    looks_like_address,
    with_address,
    words,
)

_MARKS = {Style.STRONG: "*", Style.EMPHASIS: "_", Style.STRIKE: "~"}
_LITERAL_MARK = re.compile(r"(?<![^\W_])[*_~`](?=\S)|(?<=\S)[*_~`](?![^\W_])")
_QUOTE_MARK = re.compile(r"^([ \t]*)(?=&gt;)", re.MULTILINE)
_OPENS, _CLOSES = "\x02", "\x03"
"""Stand where a style begins and ends, until it is known what is beside it."""
_EDGE = re.compile(r"(?P<glued>(?<=[^\W_])\x02|\x03(?=[^\W_]))|[\x02\x03]")
_BULLETS = ("• ", "◦ ", "▪ ")


def to_mrkdwn(markdown: str) -> str:
    """Render for a `mrkdwn` text object. It calls nobody: no mention comes out of it."""
    clean = markdown.replace(_OPENS, "").replace(_CLOSES, "")
    return _EDGE.sub(_part_from_word, _MRKDWN.document(parse(clean)))


def escape_mrkdwn(text: str) -> str:
    """Make plain words safe for any text field of Slack: `&`, `<` and `>` mean themselves."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class _Mrkdwn(Writer):
    def text(self, text: str) -> str:
        """Marks have no escape in mrkdwn: a space without width keeps them from pairing."""
        return _LITERAL_MARK.sub(rf"\g<0>{ZERO_WIDTH_SPACE}", escape_mrkdwn(text))

    def code(self, text: str) -> str:
        if not text.strip():
            return text
        return f"`{escape_mrkdwn(text).replace('`', 'ˋ')}`"

    def styled(self, style: Style, inner: str) -> str:
        """Set each line by itself: a style of mrkdwn ends with its line."""
        mark = _MARKS[style]
        lines = inner.split("\n")
        return "\n".join(f"{_OPENS}{mark}{line}{mark}{_CLOSES}" if line else "" for line in lines)

    def bullet(self, depth: int) -> str:
        return _BULLETS[min(depth, len(_BULLETS) - 1)]

    def link(self, link: Link) -> str:
        label = words(link.children)
        if not is_web(link.url) and not link.url.startswith("mailto:"):
            return self.text(with_address(label, link.url))
        if not label.strip() or label == link.url:
            return f"<{_address(link.url)}>"
        if looks_like_address(label, link.url):
            return f"{self.text(label)} (<{_address(link.url)}>)"
        return f"<{_address(link.url)}|{escape_mrkdwn(label).replace('|', '¦')}>"

    def heading(self, heading: Heading) -> str:
        return self.style(Style.STRONG, heading.line)

    def fence(self, language: str, code: str) -> str:
        del language
        safe = escape_mrkdwn(code).replace("```", f"``{ZERO_WIDTH_SPACE}`")
        return f"```\n{safe}\n```"

    def rule(self) -> str:
        return "──────"

    def paragraph(self, written: str) -> str:
        return _QUOTE_MARK.sub(rf"\1{ZERO_WIDTH_SPACE}", written)


def _part_from_word(edge: re.Match[str]) -> str:
    """Slack sees no style that begins or ends within a word."""
    return ZERO_WIDTH_SPACE if edge["glued"] else ""


def _address(url: str) -> str:
    for character, escaped in (
        ("&", "&amp;"),
        ("<", "%3C"),
        (">", "%3E"),
        ("|", "%7C"),
        (" ", "%20"),
    ):
        url = url.replace(character, escaped)
    return url


_MRKDWN = _Mrkdwn()
