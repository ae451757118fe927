"""Markdown → what Discord shows: its own subset, without tables and pictures."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gateway.text.parser import parse
from gateway.text.tree import Block, Heading, Link, Quote, Style
from gateway.text.writer import (
    ZERO_WIDTH_SPACE,
    Writer,
    hide_block_marks,
    is_web,
    looks_like_address,
    with_address,
    words,
)

_MARKS = {Style.STRONG: "**", Style.EMPHASIS: "*", Style.STRIKE: "~~"}
_LANGUAGE = re.compile(r"[A-Za-z0-9_+\-.#]+")
_DEEPEST_HEADING = 3

_ESCAPED = re.compile(
    r"[*`]"
    r"|(?<![^\W_])_|_(?![^\W_])"  # within a word it is no mark: snake_case stays as it is
    r"|~(?=~)|(?<=~)~"
    r"|\\(?=[^\w\s]|_|$)"
    r"|(?<=\])\("  # what was not a link shall not become one
)


def to_discord(markdown: str) -> str:
    """Render for a message's content.

    Mentions stay as they were written: that they ping nobody is the sender's
    doing (`allowed_mentions`). Spoilers pass through. Titles of links are dropped.
    """
    return _DISCORD.document(parse(markdown))


def discord_length(markdown: str) -> int:
    """Return how much of Discord's 2,000 the rendered text takes, in UTF-16 units.

    The API counts characters, clients count units; units are never fewer.
    """
    rendered = to_discord(markdown)
    return (
        len(rendered) if rendered.isascii() else len(rendered.encode("utf-16-le", "replace")) // 2
    )


class _Discord(Writer):
    def text(self, text: str) -> str:
        return _ESCAPED.sub(r"\\\g<0>", text)

    def code(self, text: str) -> str:
        """Discord knows one or two backticks; longer runs within are broken up."""
        if not text.strip():
            return text
        ticks = "``" if "`" in text else "`"
        text = text.replace("``", f"`{ZERO_WIDTH_SPACE}`") if ticks == "``" else text
        padding = " " if text[0] == "`" or text[-1] == "`" else ""
        return f"{ticks}{padding}{text}{padding}{ticks}"

    def styled(self, style: Style, inner: str) -> str:
        return f"{_MARKS[style]}{inner}{_MARKS[style]}"

    def link(self, link: Link) -> str:
        label = words(link.children)
        if is_web(link.url) and label == link.url:
            return link.url
        if not is_web(link.url) or not label.strip() or looks_like_address(label, link.url):
            return with_address(self.line(link.children), link.url)
        shown = self.line(link.children).replace("[", r"\[").replace("]", r"\]").replace("\n", " ")
        return f"[{shown}]({_address(link.url)})"

    def heading(self, heading: Heading) -> str:
        if heading.level > _DEEPEST_HEADING:
            return self.style(Style.STRONG, heading.line)
        written = self.line(heading.line)
        return f"{'#' * heading.level} {written}"

    def fence(self, language: str, code: str) -> str:
        known = language if _LANGUAGE.fullmatch(language) else ""
        safe = code.replace("```", f"``{ZERO_WIDTH_SPACE}`")
        return f"```{known}\n{safe}\n```"

    def rule(self) -> str:
        return "──────"

    def paragraph(self, written: str) -> str:
        return hide_block_marks(written)

    def quoted(self, blocks: tuple[Block, ...]) -> Iterable[Block]:
        """Discord has one level of quotes."""
        for block in blocks:
            if isinstance(block, Quote):
                yield from self.quoted(block.blocks)
            else:
                yield block


def _address(url: str) -> str:
    return url.replace("(", "%28").replace(")", "%29").replace(" ", "%20").replace("\\", "%5C")


_DISCORD = _Discord()
