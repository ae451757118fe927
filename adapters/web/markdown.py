"""Markdown as agents write it → HTML that is safe to put into a page. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

_TAGS = {
    *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote"),
    *("pre", "code", "em", "strong", "s", "a", "table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES = {"a": {"href", "title"}, "code": {"class"}, "ol": {"start"}}
_ALIGNED = {"right", "center", "left"}
_BARE_LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)\]}*_]")


def safe_html(markdown: str) -> str:
    """Render Markdown. No script, no foreign resource, no style ever comes out of it.

    Twice safe: raw HTML in the text is shown as text, and what was rendered is
    cleaned again by an allow-list of tags, attributes and URL schemes.
    """
    return nh3.clean(
        _RENDERER.render(markdown),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        allowed_classes={"th": _ALIGNED, "td": _ALIGNED},
        url_schemes={"http", "https", "mailto"},
        set_tag_attribute_values={"a": {"target": "_blank"}},
        link_rel="noopener noreferrer",
    )


def _link_bare_urls(state: StateCore) -> None:
    for block in state.tokens:
        if block.type == "inline" and block.children and "://" in block.content:
            block.children = _with_links(block.children)


def _with_links(tokens: list[Token]) -> list[Token]:
    linked: list[Token] = []
    depth = 0
    for token in tokens:
        depth += (token.type == "link_open") - (token.type == "link_close")
        linked += _pieces(token) if token.type == "text" and not depth else [token]
    return linked


def _pieces(token: Token) -> list[Token]:
    pieces: list[Token] = []
    end = 0
    for match in _BARE_LINK.finditer(token.content):
        pieces += [
            _text(token.content[end : match.start()]),
            Token("link_open", "a", 1, attrs={"href": match.group()}),
            _text(match.group()),
            Token("link_close", "a", -1),
        ]
        end = match.end()
    return [*pieces, _text(token.content[end:])]


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _image_as_link(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    options: OptionsDict,
    env: Mapping[str, Any],  # markdown-it's own signature
) -> str:
    """A page that loaded what an agent names would tell its host who reads it, and when."""
    token = tokens[index]
    link = Token("link_open", "a", 1, attrs={"href": token.attrGet("src") or ""})
    label = renderer.renderInlineAsText(token.children, options, dict(env))
    shown = _text(label or str(token.attrGet("src")))
    return renderer.render([link, shown, Token("link_close", "a", -1)], options, dict(env))


def _cell(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    options: OptionsDict,
    _env: Mapping[str, Any],  # markdown-it's own signature
) -> str:
    """Align by class: the page's policy refuses style attributes."""
    token = tokens[index]
    style = str(token.attrs.pop("style", ""))
    if style.startswith("text-align:"):
        token.attrSet("class", style.removeprefix("text-align:"))
    return renderer.renderToken(tokens, index, options, {})


def _make_renderer() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False, "breaks": True})
    markdown.enable(["table", "strikethrough"])
    markdown.core.ruler.after("inline", "bare_links", _link_bare_urls)
    markdown.add_render_rule("image", _image_as_link)
    markdown.add_render_rule("th_open", _cell)
    markdown.add_render_rule("td_open", _cell)
    return markdown


_RENDERER = _make_renderer()
