"""Markdown → plain words, for notifications and wherever nothing is rendered."""

from __future__ import annotations

import re

from gateway.text import tables
from gateway.text.parser import parse
from gateway.text.tree import Heading, Link, Style, Table
from gateway.text.writer import ZERO_WIDTH_SPACE, Writer, with_address, words

_CALL = re.compile(r"<(?=[!@#])")


def to_plain(markdown: str) -> str:
    """Render without any marks. Not escaped, but nothing in it calls people on Slack."""
    return _CALL.sub(f"<{ZERO_WIDTH_SPACE}", _PLAIN.document(parse(markdown)))


class _Plain(Writer):
    def text(self, text: str) -> str:
        return text

    def code(self, text: str) -> str:
        return text

    def styled(self, style: Style, inner: str) -> str:
        del style
        return inner

    def link(self, link: Link) -> str:
        return with_address(words(link.children), link.url)

    def heading(self, heading: Heading) -> str:
        return self.line(heading.line)

    def fence(self, language: str, code: str) -> str:
        del language
        return code

    def rule(self) -> str:
        return "──────"

    def table(self, table: Table) -> str:
        if tables.is_too_wide(table):
            return super().table(table)
        return tables.aligned(table, words)


_PLAIN = _Plain()
