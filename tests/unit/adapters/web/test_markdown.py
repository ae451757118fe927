"""Whatever an agent writes, a page can insert what comes out."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.web.markdown import safe_html

TAGS = {
    *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote"),
    *("pre", "code", "em", "strong", "s", "a", "table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {"href", "title", "target", "rel", "class", "start"}
PIECES = st.sampled_from(
    [
        *("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>"),
        *("[a](javascript:alert(1))", "[a](JaVaScRiPt&#58;alert(1))", "![a](javascript:x)"),
        *("<javascript:alert(1)>", "[a](data:text/html;base64,PHNjcmlwdD4=)", "[a](vbscript:x)"),
        *("[a]: javascript:x", "[a][a]", '[a](http://x "\\" onclick=x")', "http://x'onclick=y"),
        *("```js onload=x\n", "```", "| a | b |\n|:-:|--:|\n", "&lt;script&gt;", "</p>", "`"),
        *("\n", "\n\n", " ", "- ", "1. ", "> ", "# ", "*", "**", "~~", "<", ">", '"', "'", "\\"),
    ]
)
MARKDOWN = st.lists(PIECES | st.text(max_size=8), max_size=25).map("".join)


class _Inspector(HTMLParser):
    """Reads HTML as a page would, and objects to what could do more than show text."""

    def __init__(self) -> None:
        super().__init__()
        self.objections: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.objections.append(f"<{tag}>")
        self.objections += [f"{tag} {name}" for name, _ in attrs if name not in ATTRIBUTES]
        schemes = ("http://", "https://", "mailto:")
        links = [value or "" for name, value in attrs if name == "href"]
        self.objections += [url for url in links if not _is_harmless(url, schemes)]


def _is_harmless(url: str, schemes: tuple[str, ...]) -> bool:
    head = url.split("/", 1)[0].split("?", 1)[0].split("#", 1)[0]
    return url.lower().startswith(schemes) or ":" not in head


@given(MARKDOWN)
@example("[x](javascript:alert(1))")
@example("<script>alert(1)</script>")
@example('<a href="javascript:alert(1)" onclick="x">y</a>')
def test_no_markdown_becomes_active_html(markdown: str) -> None:
    inspector = _Inspector()

    inspector.feed(safe_html(markdown))
    inspector.close()

    assert inspector.objections == []


def test_raw_html_is_shown_as_text() -> None:
    assert safe_html("<b onclick=x>hi</b>") == "<p>&lt;b onclick=x&gt;hi&lt;/b&gt;</p>\n"


def test_an_image_becomes_a_link_so_that_opening_a_page_calls_nobody() -> None:
    html = safe_html("![a cat](https://example.org/cat.png)")

    assert "<img" not in html
    assert 'href="https://example.org/cat.png"' in html
    assert ">a cat</a>" in html


def test_a_bare_address_becomes_a_link_without_the_full_stop() -> None:
    html = safe_html("See https://example.org/a_b?x=1.")

    assert 'href="https://example.org/a_b?x=1"' in html
    assert html.rstrip().endswith("</a>.</p>")


@pytest.mark.parametrize(
    "markdown", ["`https://a.example`", "[https://a.example](https://b.example)"]
)
def test_an_address_in_code_or_in_a_link_is_left_alone(markdown: str) -> None:
    assert 'href="https://a.example"' not in safe_html(markdown)


def test_links_open_elsewhere_and_tell_nothing() -> None:
    html = safe_html("[x](https://example.org)")

    assert 'target="_blank"' in html
    assert 'rel="noopener noreferrer"' in html


def test_tables_keep_their_alignment_without_a_style() -> None:
    html = safe_html("|a|b|\n|-|-:|\n|1|2|")

    assert '<td class="right">2</td>' in html
    assert "style" not in html


def test_a_code_block_keeps_its_language_and_its_text() -> None:
    assert safe_html("```py\nx < 1\n```") == (
        '<pre><code class="language-py">x &lt; 1\n</code></pre>\n'
    )
