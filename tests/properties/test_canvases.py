"""Whatever a model writes is refused with a sentence, or every platform can show it."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.discord.buttons import Buttons
from adapters.discord.canvas import MOST_COMPONENTS, TEXT_LIMIT, components_of, text_of
from adapters.slack.outbound import post_args
from adapters.web.canvas import canvas_html
from gateway.domain.canvases import Canvas
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Delivery, DeliveryState
from gateway.domain.ids import DeliveryId
from gateway.errors import BadInput
from gateway.text.canvas import in_words, said
from storage.delivery_extras import read_extras, write_extras
from tests.platforms.discord_server.message_forms import CREATE_FORM, read_body, walk_components
from tests.platforms.slack_server.checks import check_content
from toolbox.canvas_reading import LONGEST_IN_WORDS, read_canvas

Written = dict[str, Any]
BUTTONS = Buttons("token")
TAGS = {
    *("section", "div", "article", "aside", "header", "details", "summary", "h1", "h2", "h3"),
    *("h4", "h5", "h6", "p", "br", "hr", "span", "b", "strong", "em", "s", "small", "code", "pre"),
    *("blockquote", "ul", "ol", "li", "dl", "dt", "dd", "table", "thead", "tbody", "tr", "th"),
    *("td", "a", "button", "form", "label", "input", "textarea", "select", "option", "progress"),
    *("dialog",),
}
ATTRIBUTES = {
    *("class", "href", "target", "rel", "title", "role", "aria-label", "tabindex", "data-says"),
    *("type", "max", "value", "name", "required", "maxlength", "autocomplete", "rows"),
    *("data-title", "aria-haspopup", "start"),
}

texts = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        ["<script>alert(1)</script>", '" onload="x', "[a](javascript:x)", "|", "`", "&nbsp;"]
    ),
)
urls = st.one_of(st.just("https://x.example/a.png"), texts)
images = st.fixed_dictionaries({"url": urls, "alt": texts})
buttons = st.fixed_dictionaries(
    {"label": texts}, optional={"says": texts, "style": st.sampled_from(["good", "odd"])}
)
fields = st.fixed_dictionaries(
    {"label": texts},
    optional={"kind": st.sampled_from(["line", "choice"]), "options": st.lists(texts, max_size=3)},
)


def _kind(name: str, **keys: st.SearchStrategy[Any]) -> st.SearchStrategy[Written]:
    return st.fixed_dictionaries({"type": st.just(name), **keys})


leaves = st.one_of(
    _kind("text", text=texts),
    _kind("divider"),
    _kind("badge", text=texts, tone=st.sampled_from(["good", "plain"])),
    _kind("callout", text=texts, title=texts),
    _kind("hero", title=texts, image=images),
    _kind("gallery", images=st.lists(images, max_size=25)),
    _kind("progress_bar", value=st.floats(), label=texts),
    _kind("list", items=st.lists(texts, max_size=5), ordered=st.booleans()),
    _kind("table", columns=st.lists(texts, max_size=2), rows=st.lists(st.lists(texts, max_size=2))),
    _kind("action_bar", buttons=st.lists(buttons, max_size=6)),
    _kind("form", title=texts, fields=st.lists(fields, max_size=6)),
    st.dictionaries(
        st.sampled_from(["type", "text", "x"]), st.one_of(texts, st.none()), max_size=3
    ),
)
components = st.recursive(
    leaves,
    lambda inner: st.one_of(
        _kind("stack", children=st.lists(inner, max_size=5)),
        _kind("card", title=texts, children=st.lists(inner, max_size=5)),
    ),
    max_leaves=30,
)


def _read(written: list[Written]) -> Canvas | None:
    try:
        return read_canvas(written)
    except BadInput:
        return None


def _fitting(written: list[Written]) -> Canvas | None:
    """Read those components that fit when they stand alone: together most of them do."""
    return _read([each for each in written if _read([each])])


canvases = st.lists(components, min_size=1, max_size=12).map(_fitting)


@given(st.lists(components, max_size=8))
@settings(max_examples=40)
def test_what_does_not_fit_is_told_in_few_words(written: list[Written]) -> None:
    try:
        canvas = read_canvas(written)
    except BadInput as error:
        sentence = str(error)
    else:
        sentence = in_words(canvas)

    assert 0 < len(sentence) <= LONGEST_IN_WORDS


@given(canvases)
@settings(max_examples=20)
def test_what_is_read_can_be_stored_and_said(canvas: Canvas | None) -> None:
    assert canvas is None or read_extras(write_extras((), (), canvas))["canvas"] == canvas


@given(canvases)
@settings(max_examples=20)
def test_what_is_read_is_what_discord_takes(canvas: Canvas | None) -> None:
    for each in () if canvas is None else (canvas, said(canvas)):
        drawn = components_of(each, 12, BUTTONS)
        read_body({"components": list(drawn), "flags": 1 << 15}, CREATE_FORM)
        assert drawn
        assert len(text_of(drawn)) <= TEXT_LIMIT + MOST_COMPONENTS
        assert all(item.get("content", "x") for _, item in walk_components(drawn))


@given(canvases)
@settings(max_examples=20)
def test_what_is_read_is_what_slack_takes(canvas: Canvas | None) -> None:
    for each in () if canvas is None else (canvas, said(canvas)):
        args = post_args(_delivery(each))
        check_content(args["text"].strip(), None, [dict(block) for block in args["blocks"]], [])


def _delivery(canvas: Canvas) -> Delivery:
    place, now = Conversation("slack", "T1", "C1"), datetime(2026, 1, 5, tzinfo=UTC)
    state, words = DeliveryState.SENDING, in_words(canvas)
    return Delivery(DeliveryId("d1"), place, words, 1, state, 1, 1, now, canvas=canvas)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]


@given(canvases)
@settings(max_examples=20)
def test_what_is_read_is_no_markup_of_its_own(canvas: Canvas | None) -> None:
    seen = _Tags()
    seen.feed("" if canvas is None else canvas_html(canvas))

    assert seen.tags <= TAGS
    assert seen.attributes <= ATTRIBUTES
    assert all(link.startswith(("https://", "http://", "mailto:")) for link in seen.links)
