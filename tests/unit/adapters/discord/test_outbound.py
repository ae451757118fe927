"""What Discord is sent."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.discord.outbound import (
    CONTENT_LIMIT,
    EPHEMERAL,
    Receipt,
    channel_of,
    content_of,
    draft_of,
    may_be_of,
    new_splitter,
    split_text,
)
from adapters.discord.rest import Upload
from gateway.domain.conversations import Conversation

LONG = " ".join(f"w{number}" for number in range(3_000))


def test_nobody_is_pinged() -> None:
    assert content_of("@everyone").body()["allowed_mentions"] == {"parse": []}


def test_a_private_answer_carries_the_flag() -> None:
    assert content_of("hi").body(is_private=True)["flags"] == EPHEMERAL
    assert "flags" not in content_of("hi").body()


def test_a_text_that_shows_nothing_still_is_a_message() -> None:
    assert content_of("<!-- nothing -->").text.strip()


def test_what_is_too_long_goes_on_in_a_file() -> None:
    content = content_of(LONG)

    assert len(content.text) <= CONTENT_LIMIT
    assert content.text.startswith("w0 w1 ")
    assert content.uploads == (Upload("answer.md", LONG.encode(), "text/markdown"),)
    assert content.body()["attachments"] == [{"id": "0", "filename": "answer.md"}]


def test_a_draft_never_has_a_file() -> None:
    draft = draft_of(LONG)

    assert draft.uploads == ()
    assert len(draft.text) <= CONTENT_LIMIT


def test_an_answer_has_at_most_so_many_parts() -> None:
    parts = split_text(new_splitter(), LONG, 3)

    assert len(parts) == 3
    assert " ".join(parts).split() == LONG.split()


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 400), st.integers(1, 400))
def test_growing_leaves_every_part_but_the_last(count: int, more: int) -> None:
    words = [f"word{number}" for number in range(3 * (count + more))]
    splitter = new_splitter()

    short = split_text(splitter, " ".join(words[: 3 * count]), 2)
    long = split_text(splitter, " ".join(words), 2)

    assert long[: len(short) - 1] == short[:-1]


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=6_000))
def test_no_part_is_over_the_limit(text: str) -> None:
    for part in split_text(new_splitter(), text, 1_000):
        content = content_of(part)
        assert content.uploads == ()
        assert 0 < len(content.text) <= CONTENT_LIMIT


@pytest.mark.parametrize(
    "receipt",
    [Receipt("12"), Receipt("12", channel="34"), Receipt("12", is_of_an_interaction=True)],
)
def test_a_receipt_is_read_back(receipt: Receipt) -> None:
    assert Receipt.parse(receipt.id) == receipt


def test_a_thread_is_written_to_as_a_channel() -> None:
    assert channel_of(Conversation("discord", "1", "2", "3")) == "3"
    assert channel_of(Conversation("discord", "1", "2")) == "2"


@pytest.mark.parametrize(
    ("shown", "was_revised", "is_same"),
    [
        ("hello there", False, True),
        ("hello", False, False),
        ("hello", True, True),
        ("hello th**", True, True),
        ("help", True, False),
        ("…", True, False),
    ],
)
def test_an_earlier_try_is_told_by_its_text(
    shown: str, *, was_revised: bool, is_same: bool
) -> None:
    assert may_be_of(shown, content_of("hello there"), was_revised=was_revised) == is_same


def test_an_earlier_try_is_told_by_its_text_with_the_remark_below_it_too() -> None:
    content = replace(content_of("hello"), instead="hello\n\n_(late)_")

    assert may_be_of("hello\n\n_(late)_", content, was_revised=False)
    assert may_be_of("hello", content, was_revised=False)
    assert not may_be_of("hello\n\n_(other)_", content, was_revised=False)
