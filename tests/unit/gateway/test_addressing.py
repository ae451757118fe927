"""Whom a message is for, by its first words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.addressing import EVERYBODY, Addressed, addressed

NAMES = ("postern", "writer", "code-reviewer")
texts = st.text(alphabet="@\\`: \nawriteraltx-", max_size=30)


@pytest.mark.parametrize(
    ("text", "name", "rest"),
    [
        ("@writer a poem", "writer", "a poem"),
        ("  @writer, a poem", "writer", "a poem"),
        ("@writer: a poem", "writer", "a poem"),
        ("writer: a poem", "writer", "a poem"),
        ("@code-reviewer\nlook", "code-reviewer", "look"),
        ("@all hello", EVERYBODY, "hello"),
    ],
)
def test_a_name_at_the_beginning_is_an_address(text: str, name: str, rest: str) -> None:
    assert addressed(text, NAMES) == Addressed(name, rest)


@pytest.mark.parametrize(
    "text",
    [
        "a poem, @writer",
        "@painter a picture",
        "painter: a picture",
        "@Writer a poem",
        "@writers a poem",
        "@writer.com is a site",
        "writer a poem",
        "writer:a",
        "all: hello",
        "@writer",
        "@all  ",
        "`@writer a poem`",
        "```\n@writer a poem\n```",
        "",
    ],
)
def test_all_else_stays_text(text: str) -> None:
    assert addressed(text, NAMES) == Addressed(None, text)


@pytest.mark.parametrize("address", ["@writer", "writer:", "@all"])
def test_a_backslash_makes_an_address_text(address: str) -> None:
    assert addressed(f"\\{address} a poem", NAMES) == Addressed(None, f"{address} a poem")


@given(texts)
def test_nothing_is_lost_but_the_address(text: str) -> None:
    found = addressed(text, NAMES)

    assert text.endswith(found.text) or found == Addressed(None, text.replace("\\", "", 1))


@given(texts)
def test_an_address_leaves_words_behind_it(text: str) -> None:
    found = addressed(text, NAMES)

    assert found.name is None or found.text.strip()


@given(texts, st.sampled_from(NAMES))
def test_words_behind_an_address_arrive_as_they_are(words: str, name: str) -> None:
    text = f"x{words}"

    assert addressed(f"@{name} {text}", NAMES) == Addressed(name, text)
