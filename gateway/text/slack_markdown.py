"""Markdown → the Markdown of Slack's `markdown_text` and markdown blocks, where it calls nobody."""

from __future__ import annotations

import re

from gateway.text.parser import parse
from gateway.text.tree import Heading, Line, Link, Style, Table
from gateway.text.writer import (
    ZERO_WIDTH_SPACE,
    Writer,
    fitting_ticks,
    hide_block_marks,
    is_web,
    looks_like_address,
    span,
    with_address,
    words,
)

_MARKS = {Style.STRONG: "**", Style.EMPHASIS: "*", Style.STRIKE: "~~"}
_ESCAPED = re.compile(
    r"[*`\[\]]"
    r"|(?<![^\W_])_|_(?![^\W_])"
    r"|~(?=~)|(?<=~)~"
    r"|\\(?=[^\w\s]|_|$)"
)
_ENTITY = re.compile(r"&(?=#?\w{1,31};)")
_CALL = re.compile(r"<(?=[!@#])")


def to_slack_markdown(markdown: str) -> str:
    """Render for `markdown_text` or a markdown block: standard Markdown, HTML shown as text.

    What Slack would read as a mention, a channel or a broadcast is parted by a
    space without width, in code too, where there is no other way.
    """
    return _SLACK_MARKDOWN.document(parse(markdown))


class _SlackMarkdown(Writer):
    def text(self, text: str) -> str:
        escaped = _CALL.sub(
            f"<{ZERO_WIDTH_SPACE}", _ENTITY.sub("&amp;", _ESCAPED.sub(r"\\\g<0>", text))
        )
        return escaped.replace("<", "&lt;")

    def code(self, text: str) -> str:
        return span(_parted(text))

    def styled(self, style: Style, inner: str) -> str:
        return f"{_MARKS[style]}{inner}{_MARKS[style]}"

    def link(self, link: Link) -> str:
        label = words(link.children)
        if not is_web(link.url) and not link.url.startswith("mailto:"):
            return self.text(with_address(label, link.url))
        address = _address(link.url)
        if label == link.url:
            return address
        if not label.strip():
            return f"<{address}>"
        if looks_like_address(label, link.url):
            return f"{self.text(label)} ({address})"
        return f"[{self.line(link.children).replace(chr(10), ' ')}]({address})"

    def heading(self, heading: Heading) -> str:
        return f"{'#' * heading.level} {self.line(heading.line)}".rstrip()

    def fence(self, language: str, code: str) -> str:
        ticks = fitting_ticks(code, 3)
        return f"{ticks}{_parted(language).replace('`', '')}\n{_parted(code)}\n{ticks}"

    def rule(self) -> str:
        """Three hyphens would underline a paragraph that stands above them."""
        return "***"

    def paragraph(self, written: str) -> str:
        return hide_block_marks(written)

    def task(self, *, is_done: bool) -> str:
        return "[x] " if is_done else "[ ] "

    def table(self, table: Table) -> str:
        marks = {"left": ":--", "right": "--:", "center": ":-:"}
        rule = "|".join(marks.get(align, "---") for align in table.aligns)
        header, *rows = (self._row(row) for row in (table.header, *table.rows))
        return "\n".join([header, f"|{rule}|", *rows])

    def _row(self, row: tuple[Line, ...]) -> str:
        cells = (self.line(cell).replace("|", r"\|").replace("\n", " ") for cell in row)
        return f"| {' | '.join(cells)} |"


def _parted(verbatim: str) -> str:
    return _CALL.sub(f"<{ZERO_WIDTH_SPACE}", verbatim)


def _address(url: str) -> str:
    for character, escaped in (
        ("<", "%3C"),
        (">", "%3E"),
        ("|", "%7C"),
        (" ", "%20"),
        ("(", "%28"),
        (")", "%29"),
    ):
        url = url.replace(character, escaped)
    return url


_SLACK_MARKDOWN = _SlackMarkdown()
