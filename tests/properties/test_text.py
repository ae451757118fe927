"""Whatever an agent writes, it is shown, it fits, and nothing of it is lost or called."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.text.discord import discord_length, to_discord
from gateway.text.mrkdwn import to_mrkdwn
from gateway.text.parser import parse
from gateway.text.plain import to_plain
from gateway.text.slack_markdown import to_slack_markdown
from gateway.text.split import Measure, Splitter, split_markdown

RENDERERS = [to_discord, to_mrkdwn, to_slack_markdown, to_plain]

fragments = st.sampled_from(
    [
        *("word ", "another ", "A sentence of some words. ", "\n", "\n\n", "\r\n", "\t", "    "),
        *("- entry\n", "* ", "1. one\n", "  - nested\n", "- [x] done\n", "> quote\n", "> "),
        *("```py\n", "```\n", "~~~\n", "`", "``", "**", "*", "__", "_", "~~", "||", "\\"),
        *("| a | b |\n", "|---|:-:|\n", "| 1 | 22 |\n", "|", "---\n", "# Title\n", "###### six\n"),
        *("[x](http://a.b/c)", "[", "](", ")", "![i](http://u.v)", "https://e.f/gg_h ", "x" * 90),
        *("<!channel>", "<!everyone>", "<@U1>", "<#C1>", "<", ">", "&", "&lt;", "\0", "\u202e"),
        *("é", "e\u0301", "\u0301" * 40, "👨‍👩‍👧", "🇩🇪🇫🇷", "👍🏽", "漢字。", "שלום ", "\u200b"),
    ]
)
pieces_written = fragments | st.text(max_size=5)
written = (
    st.lists(pieces_written, max_size=20) | st.lists(pieces_written, min_size=80, max_size=160)
).map("".join)
limits = st.sampled_from([100, 150, 250, 600])


def _mrkdwn_length(part: str) -> int:
    return len(to_mrkdwn(part))


def _slack_length(part: str) -> int:
    return len(to_slack_markdown(part))


measures = st.sampled_from([discord_length, _mrkdwn_length, _slack_length, len])


@given(written)
def test_no_renderer_fails_or_calls_anybody_on_slack(text: str) -> None:
    to_discord(text)
    for render in (to_mrkdwn, to_slack_markdown, to_plain):
        rendered = render(text)
        assert not any(call in rendered for call in ("<!", "<@", "<#"))


@given(written)
def test_what_is_not_blank_is_shown(text: str) -> None:
    for render in RENDERERS:
        assert render(text).strip() or not text.strip()


@given(written, limits, measures)
def test_parts_fit_and_their_bodies_join_to_the_source(
    text: str, limit: int, measure: Measure
) -> None:
    pieces = Splitter(limit, measure).pieces(text)

    assert "".join(piece.body for piece in pieces) == text
    for piece in pieces:
        assert measure(piece.text) <= limit


@given(written, limits, measures, st.data())
def test_growing_a_text_moves_no_part_but_the_last(
    text: str, limit: int, measure: Measure, data: st.DataObject
) -> None:
    before = split_markdown(text[: data.draw(st.integers(0, len(text)))], limit, measure)
    after = split_markdown(text, limit, measure)

    settled = before[:-1]
    assert after[: len(settled)] == settled


@given(written, limits, measures, st.integers(1, 60))
def test_a_splitter_that_remembers_gives_what_one_that_does_not_gives(
    text: str, limit: int, measure: Measure, delta: int
) -> None:
    splitter = Splitter(limit, measure)
    for end in range(0, len(text), delta):
        splitter.split(text[:end])

    assert splitter.split(text) == split_markdown(text, limit, measure)


plain_words = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp", "Cf"), exclude_characters="<&"),
    min_size=1,
    max_size=40,
).filter(lambda words: "://" not in words)


@given(plain_words)
def test_what_discord_is_told_literally_reads_the_same(words: str) -> None:
    literal = "".join(f"\\{c}" if c in _PUNCTUATION else c for c in words)

    again = to_plain(to_discord(literal))

    assert again == to_plain(literal)


_PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


@given(plain_words)
def test_escaping_for_discord_twice_escapes_once(words: str) -> None:
    once = to_discord("x" + words)

    assert to_discord(once) == once


@pytest.mark.parametrize("render", RENDERERS)
@pytest.mark.parametrize(
    "hostile",
    [
        "[",
        "[](",
        "![",
        "*",
        "*a ",
        "**a*",
        "> ",
        ">",
        "`",
        "`a``",
        "- ",
        "_a",
        "~~a",
        "|",
        "\\",
        "<",
    ],
)
def test_hostile_marks_are_read_in_steps_in_proportion_to_their_number(
    render: Callable[[str], str], hostile: str
) -> None:
    steps = [_calls_while(render, hostile * count) for count in (2_000, 8_000)]

    assert steps[1] < steps[0] * 6 + 1_000


def _calls_while(render: Callable[[str], str], text: str) -> int:
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        render(text)
    finally:
        sys.setprofile(before)
    return calls


@given(st.lists(st.sampled_from(["- ", "> ", "1. ", "  ", "    "]), max_size=400).map("".join))
def test_no_nesting_is_too_deep(marks: str) -> None:
    for render in RENDERERS:
        assert "kept" in render(f"{marks}kept")
    assert parse(marks) is not None
