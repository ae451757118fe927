"""Markdown → tree, by markdown-it. The only place that knows the tokens."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

from gateway.text.tree import (
    Block,
    Break,
    Code,
    Fence,
    Heading,
    Image,
    Inline,
    Item,
    Line,
    Link,
    Listing,
    Paragraph,
    Quote,
    Rule,
    Style,
    Styled,
    Table,
    Text,
)

_MAX_NESTING = 40
"""Levels of lists (two each) and quotes; what nests deeper is shown as it was written."""
_MAX_STYLES = 12
"""Styles within styles; the ones inside of these are left out, their words are kept."""
_MAX_BRACKETS = 120
"""Paragraphs with more are looked at without links: the search for them is quadratic."""
_MAX_LINE = 20_000
"""Longer paragraphs are text: no person wrote their marks to be seen."""

_LONG_FOR_MARKS = 500
"""A paragraph longer than this that is for more than a quarter marks is text too."""

_STYLES = {"strong": Style.STRONG, "em": Style.EMPHASIS, "s": Style.STRIKE}
_MARK = re.compile(r"[\\`*_~\[!<&\n]|://")
"""Without any of these a line is one text, and most cells of tables are."""
_TASK = re.compile(r"\[([ xX])\][ \t]+")
_BARE_LINK = re.compile(r"https?://[^\s<>\"'`\x00-\x1f|]*[^\s<>\"'`\x00-\x1f|.,;:!?*_~(\[{}\])]\)?")


def parse(markdown: str) -> tuple[Block, ...]:
    """Read Markdown. Whatever it is, it is read in time in proportion to its length."""
    tokens = parse_blocks(markdown)
    if tokens is None:
        return (Paragraph(_verbatim(markdown), is_apart=False),)
    return tuple(_Reader(tokens, markdown).blocks())


def parse_blocks(markdown: str) -> list[Token] | None:
    """Return the tokens of the blocks, lines not yet looked into; None when they nest too deep."""
    tokens = _BLOCKS.parse(markdown)
    if any(token.nesting == 1 and token.level >= _MAX_NESTING - 1 for token in tokens):
        return None
    return tokens


def _verbatim(text: str) -> Line:
    lines: list[Inline] = []
    for line in text.splitlines():
        lines += [Text(line), Break()]
    return tuple(lines[:-1])


class _Reader:
    """Walks the tokens of the blocks once, from left to right."""

    def __init__(self, tokens: list[Token], source: str) -> None:
        self._tokens = tokens
        self._at = 0
        lines = re.split(r"\r\n?|\n", source)
        self._is_blank = [not line.strip(" \t>") for line in lines]

    def blocks(self) -> Iterator[Block]:
        """Yield blocks until the one that contains them ends."""
        while self._at < len(self._tokens) and self._tokens[self._at].nesting >= 0:
            token = self._next()
            yield _BLOCK_READERS[token.type](self, token)

    def _next(self) -> Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _is_apart(self, token: Token) -> bool:
        first = token.map[0] if token.map else 0
        return first > 0 and self._is_blank[first - 1]

    def _line(self) -> Line:
        """Read an inline token and the closing one behind it."""
        line = parse_line(self._next().content)
        self._next()
        return line

    def paragraph(self, token: Token) -> Block:
        return Paragraph(self._line(), self._is_apart(token))

    def heading(self, token: Token) -> Block:
        return Heading(int(token.tag[1:]), self._line(), self._is_apart(token))

    def fence(self, token: Token) -> Block:
        words = token.info.split(maxsplit=1)
        return Fence(words[0] if words else "", token.content, self._is_apart(token))

    def rule(self, token: Token) -> Block:
        return Rule(self._is_apart(token))

    def quote(self, token: Token) -> Block:
        blocks = tuple(self.blocks())
        self._next()
        return Quote(blocks, self._is_apart(token))

    def listing(self, token: Token) -> Block:
        items: list[Item] = []
        while self._tokens[self._at].nesting == 1:
            items.append(self._item(self._next()))
        self._next()
        start = int(token.attrs.get("start", 1)) if token.tag == "ol" else None
        return Listing(tuple(items), start, self._is_apart(token))

    def _item(self, token: Token) -> Item:
        task = self._take_task_mark()
        blocks = tuple(self.blocks())
        self._next()
        return Item(blocks, task, self._is_apart(token))

    def _take_task_mark(self) -> bool | None:
        following = self._tokens[self._at : self._at + 2]
        if len(following) < 2 or following[0].type != "paragraph_open":
            return None
        inline = following[1]
        mark = _TASK.match(inline.content)
        if mark is None:
            return None
        inline.content = inline.content[mark.end() :]
        return mark[1] != " "

    def table(self, token: Token) -> Block:
        rows: list[tuple[Line, ...]] = []
        widths: list[int] = []
        aligns: list[str] = []
        while (part := self._next()).type != "table_close":
            if part.type != "tr_open":
                continue
            cells = self._cells(aligns if not rows else [])
            rows.append(tuple(parse_line(cell) for cell in cells))
            widths = [
                max(w, len(c)) for w, c in zip(widths or [0] * len(cells), cells, strict=True)
            ]
        width = sum(widths) + 3 * (len(widths) - 1)
        return Table(rows[0], tuple(rows[1:]), tuple(aligns), width, self._is_apart(token))

    def _cells(self, aligns: list[str]) -> list[str]:
        cells: list[str] = []
        while (cell := self._next()).type != "tr_close":
            aligns.append(str(cell.attrs.get("style", "")).removeprefix("text-align:"))
            cells.append(self._next().content)
            self._next()
        return cells


_BLOCK_READERS: dict[str, Callable[[_Reader, Token], Block]] = {
    "paragraph_open": _Reader.paragraph,
    "heading_open": _Reader.heading,
    "fence": _Reader.fence,
    "hr": _Reader.rule,
    "blockquote_open": _Reader.quote,
    "bullet_list_open": _Reader.listing,
    "ordered_list_open": _Reader.listing,
    "table_open": _Reader.table,
}


# -- within a line -----------------------------------------------------------------------------


def parse_line(content: str) -> Line:
    """Read the text of one paragraph, heading or cell."""
    if len(content) > _MAX_LINE or _is_all_marks(content):
        return _verbatim(content)
    if not _MARK.search(content):
        return (Text(content),) if content else ()
    parser = _LINES if content.count("[") <= _MAX_BRACKETS else _LINES_WITHOUT_LINKS
    return _nest(parser.parseInline(content)[0].children or [])


def _is_all_marks(content: str) -> bool:
    """Say whether there is more to interpret than to read, which takes long and shows nothing."""
    return len(content) > _LONG_FOR_MARKS and len(_MARK.findall(content)) * 4 > len(content)


class _Level:
    """A run that is being read, and the token that opened it."""

    def __init__(self, opened_by: Token | None) -> None:
        self.opened_by = opened_by
        self.children: list[Inline] = []

    def close(self) -> Inline:
        token = self.opened_by
        children = tuple(_joined(self.children))
        if token is not None and token.tag in _STYLES:
            return Styled(_STYLES[token.tag], children)
        url = str(token.attrs.get("href", "")) if token else ""
        return Link(url, children) if url or children else Text("[]()")


def _nest(tokens: list[Token]) -> Line:
    """Make the flat tokens of a line a tree, without recursion."""
    levels = [_Level(None)]
    skipped = 0
    for token in tokens:
        if token.nesting == 1 and (len(levels) > _MAX_STYLES or skipped):
            skipped += 1
        elif token.nesting == 1:
            levels.append(_Level(token))
        elif token.nesting == -1 and skipped:
            skipped -= 1
        elif token.nesting == -1:
            done = levels.pop().close()
            levels[-1].children.append(done)
        else:
            levels[-1].children += _leaf(token)
    return _with_bare_links(_joined(levels[0].children))


def _leaf(token: Token) -> list[Inline]:
    match token.type:
        case "code_inline":
            return [Code(token.content)]
        case "softbreak" | "hardbreak":
            return [Break()]
        case "image":
            url, alt = str(token.attrs.get("src", "")), plain_words(_nest(token.children or []))
            return [Image(url, alt) if url or alt else Text("![]()")]
        case _:
            return [Text(token.content)] if token.content else []


def plain_words(line: Line) -> str:
    """Return what a line says, without marks."""
    words: list[str] = []
    for inline in line:
        match inline:
            case Text(text) | Code(text):
                words.append(text)
            case Break():
                words.append(" ")
            case Image(_, alt):
                words.append(alt)
            case Link(_, children) | Styled(_, children):
                words.append(plain_words(children))
    return "".join(words)


def _joined(line: list[Inline]) -> list[Inline]:
    """Put texts that stand side by side into one, so that what they hold is found."""
    joined: list[Inline] = []
    for inline in line:
        last = joined[-1] if joined else None
        if isinstance(inline, Text) and isinstance(last, Text):
            joined[-1] = Text(last.text + inline.text)
        else:
            joined.append(inline)
    return joined


def _with_bare_links(line: list[Inline]) -> Line:
    linked: list[Inline] = []
    for inline in line:
        match inline:
            case Text(text) if "://" in text:
                linked += _split_at_links(text)
            case Styled(style, children):
                linked.append(Styled(style, _with_bare_links(list(children))))
            case _:
                linked.append(inline)
    return tuple(linked)


def _split_at_links(text: str) -> Iterator[Inline]:
    end = 0
    for match in _BARE_LINK.finditer(text):
        url = _without_loose_bracket(match[0])
        if match.start() > end:
            yield Text(text[end : match.start()])
        yield Link(url, (Text(url),))
        end = match.start() + len(url)
    if end < len(text):
        yield Text(text[end:])


def _without_loose_bracket(url: str) -> str:
    return url[:-1] if url.endswith(")") and url.count(")") > url.count("(") else url


def _make_parser(*rules: str) -> MarkdownIt:
    markdown = MarkdownIt("zero", {"maxNesting": _MAX_NESTING, "html": False})
    markdown.normalizeLink = str  # type: ignore[method-assign]  # keep URLs as they were written
    return markdown.enable(list(rules))


_BLOCK_RULES = ("blockquote", "fence", "heading", "hr", "list", "table")
_LINE_RULES = ("escape", "backticks", "strikethrough", "emphasis", "entity", "autolink", "newline")

_BLOCKS = _make_parser(*_BLOCK_RULES).disable("inline")
_LINES_WITHOUT_LINKS = _make_parser(*_LINE_RULES, "balance_pairs", "fragments_join")
_LINES = _make_parser(*_LINE_RULES, "balance_pairs", "fragments_join", "link", "image")
