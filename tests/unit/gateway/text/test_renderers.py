"""Whole answers against what each platform shall get, and the traps one by one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.text.discord import discord_length, to_discord
from gateway.text.mrkdwn import escape_mrkdwn, to_mrkdwn
from gateway.text.plain import to_plain
from gateway.text.slack_markdown import to_slack_markdown

GOLDEN = Path(__file__).parent / "golden"
RENDERERS = {
    "discord": to_discord,
    "mrkdwn": to_mrkdwn,
    "slack_markdown": to_slack_markdown,
    "plain": to_plain,
}


@pytest.mark.parametrize("dialect", RENDERERS)
@pytest.mark.parametrize("answer", sorted(path.stem for path in GOLDEN.glob("*.md")))
def test_an_answer_reads_as_it_should(answer: str, dialect: str) -> None:
    source = (GOLDEN / f"{answer}.md").read_text(encoding="utf-8")

    rendered = RENDERERS[dialect](source)

    expected = (GOLDEN / f"{answer}.{dialect}.txt").read_text(encoding="utf-8")
    assert rendered + "\n" == expected


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("###### Six", "**Six**"),
        ("##", "##"),
        ("[]() ![]() [x]() ![y]()", "[]\\() ![]\\() x y"),
        ("> > deep", "> deep"),
        ("> ```\n> > code\n> ```", "> ```\n> > code\n> ```"),
        ("[x](http://a.b/c d)", "[x]\\(http://a.b/c d)"),
        ("[a]b](http://x.y)", "[a]b]\\(http://x.y)"),
        ("[a\\]b](http://x.y)", "[a\\]b](http://x.y)"),
        ("<https://x.y/_z_>", "https://x.y/_z_"),
        ("see (https://x.y/z).", "see (https://x.y/z)."),
        ("![](https://x.y/i.png)", "https://x.y/i.png"),
        ("[mail](mailto:a@b.c)", "mail (mailto:a@b.c)"),
        ("<a@b.c>", "a@b.c"),
        ("-# small", "\\-# small"),
        ("``a`b``", "``a`b``"),
        ("````\n```\n````", "```\n``\u200b`\n```"),
        ("***both***", "***both***"),
        ("**a **b** c**", "**a b c**"),
        ("title\n---", "title\n──────"),
        ("    - indented", "- indented"),
        ("3. c\n4. d", "3. c\n4. d"),
        ("1. a\n1. b", "1. a\n2. b"),
        ("a\n\n\n\nb", "a\n\nb"),
        ("", ""),
    ],
)
def test_discord_gets_its_dialect(source: str, shown: str) -> None:
    assert to_discord(source) == shown


def test_discord_length_counts_utf_16_units() -> None:
    assert discord_length("a👍") == 3


@pytest.mark.parametrize(
    "call", ["<!channel>", "<!here>", "<!everyone>", "<@U123>", "<#C123>", "<!subteam^S1>"]
)
@pytest.mark.parametrize(
    "around",
    ["{}", "`{}`", "```\n{}\n```", "[{}](http://x.y)", "[x]({})", "![{}](http://x.y)", "# {}",
     "|{}|\n|-|\n|{}|", "> {}", "**{}**", "[x](http://x.y/{})", "```{}\n```"],
)  # fmt: skip
@pytest.mark.parametrize("render", [to_mrkdwn, to_slack_markdown, to_plain])
def test_an_agent_calls_nobody_on_slack(
    render: Callable[[str], str], around: str, call: str
) -> None:
    rendered = render(around.replace("{}", call))

    assert call not in rendered
    assert call[:3] not in rendered


def test_what_was_escaped_before_is_not_turned_into_a_call() -> None:
    for source in ("&lt;!channel&gt;", "&amp;lt;!channel&amp;gt;", "&#60;!channel>"):
        assert "<!" not in to_mrkdwn(source)
        assert "<!" not in to_slack_markdown(source)


def test_escaped_words_can_be_read_back_from_mrkdwn() -> None:
    words = "a < b && c > d &amp; <!here>"
    escaped = escape_mrkdwn(words)
    back = escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert back == words


def test_what_nests_too_deep_is_shown_as_written() -> None:
    deep = "".join(f"{'  ' * level}- level {level}\n" for level in range(60))
    for render in RENDERERS.values():
        assert "level 59" in render(deep)
