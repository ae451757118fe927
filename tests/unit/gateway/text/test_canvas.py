"""A canvas in words, and as the plain pieces of which platforms draw it."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest

from adapters.web.markdown import safe_html
from gateway.domain.canvases import (
    ActionBar,
    Badge,
    Button,
    Callout,
    Canvas,
    Card,
    Component,
    Dialog,
    Divider,
    Field,
    Form,
    Gallery,
    Grid,
    Hero,
    Image,
    List,
    Moment,
    ProgressBar,
    ScrollSection,
    Stack,
    Stat,
    Stats,
    Table,
    Text,
    Timeline,
    Tone,
)
from gateway.text.canvas import (
    Ask,
    Frame,
    Pictures,
    Presses,
    Rule,
    Words,
    filled_in,
    in_words,
    link_to,
    pieces_of,
)

ROME = Image("https://x.example/rome.png", "Rome [old]")
FORM = Form("Trip", (Field("From"), Field("By", "choice", ("Train", "Bus"))))

IN_WORDS: list[tuple[Component, str]] = [
    (Text("**hi**"), "**hi**"),
    (Divider(), "---"),
    (Badge("new", Tone.GOOD), "✅ **new**"),
    (Callout("look", "Now", Tone.DANGER), "⛔ **Now**\n\nlook"),
    (ROME, "[Rome (old)](https://x.example/rome.png)"),
    (Gallery((ROME, ROME)), "\n".join(["[Rome (old)](https://x.example/rome.png)"] * 2)),
    (Hero("Big\nnews", "small"), "# Big news\n\nsmall"),
    (ProgressBar(60, "Packed"), "**Packed** ▓▓▓▓▓▓░░░░ 60 %"),
    (ProgressBar(0), "░░░░░░░░░░ 0 %"),
    (ProgressBar(96.6), "▓▓▓▓▓▓▓▓▓▓ 97 %"),
    (Stats((Stat("Price", "9", "+1"),)), "- **Price:** 9 (+1)"),
    (Timeline((Moment("May", "Go", "by bus"),)), "- **May** — Go: by bus"),
    (List(("a", "b\nc")), "- a\n- b c"),
    (List(("a", "b"), ordered=True), "1. a\n2. b"),
    (Table(("a", "b"), (("1", "x|y"),)), "| a | b |\n| --- | --- |\n| 1 | x\\|y |"),
    (Button("Yes", "I do"), "Yes"),
    (ActionBar((Button("Yes"), Button("No"))), "Yes · No"),
    (FORM, "**Trip:** please tell\n- From\n- By (Train, Bus)"),
    (Stack((Text("a"), Text("b")), "horizontal"), "a\n\nb"),
    (Grid((Text("a"), Text("b"))), "a\n\nb"),
    (Card("Hotel", "fine", children=(Text("near"),)), "### Hotel\n\nfine\n\nnear"),
    (ScrollSection("Days", (Text("one"),)), "### Days\n\none"),
    (Dialog("More", (Text("one"),)), "### More\n\none"),
]


@pytest.mark.parametrize(("component", "words"), IN_WORDS, ids=lambda one: type(one).__name__)
def test_every_component_can_be_said(component: Component, words: str) -> None:
    assert in_words(Canvas((component,))) == words


@pytest.mark.parametrize(
    ("url", "alt"),
    [
        ("https://x.example/a)b", "Rome"),
        ("https://x.example/a\\(b", "Rome\\"),
        ("https://x/<", "`]"),
    ],
)
def test_a_picture_is_one_link_whatever_it_is_called(url: str, alt: str) -> None:
    (link,) = re.findall(r'<a href="([^"]*)"', html := safe_html(link_to(Image(url, alt))))

    assert html.count("</a></p>") == 1
    assert unquote(link) == url


def test_an_empty_canvas_still_says_something() -> None:
    assert in_words(Canvas((Stack(()),))) == "…"


def test_words_that_meet_are_one_piece_and_frames_hold_no_frames() -> None:
    inner = Card("In", children=(Callout("look"), Button("Yes")))
    canvas = Canvas((Text("a"), Text("b"), Divider(), Card("Out", children=(inner,)), ROME, FORM))

    first, rule, frame, pictures, ask = pieces_of(canvas)

    assert (first, rule) == (Words("a\n\nb"), Rule())
    assert isinstance(frame, Frame)
    words, presses = frame.pieces
    assert isinstance(words, Words)
    assert isinstance(presses, Presses)
    assert words.markdown.split("\n\n")[:2] == ["### Out", "### In"]
    assert (pictures, ask) == (Pictures((ROME,)), Ask(FORM))


def test_who_sends_off_a_form_says_what_was_filled_in() -> None:
    answers = [("From", " Paris "), ("By", ""), ("When", "May")]

    assert filled_in("Trip", answers) == "Trip\nFrom: Paris\nWhen: May"
    assert filled_in("Trip", [("From", " ")]) == ""
