"""Where answers are cut, and what mends them."""

from __future__ import annotations

import pytest

from gateway.text.discord import discord_length, to_discord
from gateway.text.split import Splitter, split_markdown


def test_a_short_answer_is_one_part() -> None:
    assert split_markdown("Hello **you**.\n", 2000, discord_length) == ["Hello **you**."]


def test_a_blank_answer_is_no_part() -> None:
    assert split_markdown(" \n\n ", 2000, len) == []


def test_paragraphs_stay_whole() -> None:
    paragraph = "A sentence of some length here. " * 2
    parts = split_markdown("\n\n".join([paragraph.strip()] * 5), 150, len)

    assert parts == ["\n\n".join([paragraph.strip()] * 2)] * 2 + [paragraph.strip()]


def test_a_fence_is_closed_and_opened_again_with_its_language() -> None:
    code = "".join(f"line_{number} = {number}\n" for number in range(30))
    parts = split_markdown(f"Run this:\n\n```python\n{code}```\nDone.", 200, discord_length)

    assert all(part.count("```") == 2 for part in parts)
    assert all("```python\n" in part for part in parts)
    assert parts[0].startswith("Run this:")
    assert parts[-1].endswith("```\nDone.")


def test_a_fence_in_a_quoted_list_keeps_its_place() -> None:
    code = "".join(f">   x{number} = {number}\n" for number in range(30))
    parts = split_markdown(f"> - do\n>   ```py\n{code}>   ```\n> - then", 150, len)

    assert all(part.startswith(">   ```py\n>   x") for part in parts[1:])
    assert all(part.endswith("\n>   ```") for part in parts[:-1])


def test_a_fence_that_fits_the_next_part_is_not_torn() -> None:
    code = "```\n" + "code\n" * 20 + "```"
    parts = split_markdown("Words. " * 15 + "\n\n" + code, 180, len)

    assert parts[1] == code


def test_a_list_goes_on_counting() -> None:
    parts = split_markdown("1. An entry of the list\n" * 12, 100, len)

    shown = "\n".join(to_discord(part) for part in parts)
    assert shown == "\n".join(f"{number}. An entry of the list" for number in range(1, 13))


def test_a_table_repeats_its_header() -> None:
    rows = "".join(f"| item {number} | {number} |\n" for number in range(40))
    parts = split_markdown(f"| Name | Qty |\n|---|--:|\n{rows}", 300, discord_length)

    assert len(parts) > 2
    assert all(part.startswith("| Name | Qty |\n|---|--:|\n| item") for part in parts)


def test_a_quote_keeps_its_mark_where_a_long_line_is_cut() -> None:
    parts = split_markdown("> " + "Somebody said it. " * 20, 120, len)

    assert all(part.startswith("> Somebody") for part in parts)


def test_a_title_stays_with_what_it_is_about() -> None:
    parts = split_markdown("Some words. " * 9 + "\n\n# Title\n\n" + "More words. " * 9, 130, len)

    assert parts[1].startswith("# Title\n\nMore")


@pytest.mark.parametrize("run", ["[a link](https://example.com/x)", "`some code`", "**very bold**"])
def test_a_run_is_not_torn(run: str) -> None:
    text = " ".join([run] * 60)

    for part in split_markdown(text, 200, len):
        assert len(part.replace(run, "").strip()) == 0


def test_a_word_without_end_is_cut_and_not_lost() -> None:
    parts = split_markdown("x" * 1000, 128, len)

    assert "".join(parts) == "x" * 1000


def test_what_people_see_as_one_character_is_not_torn() -> None:
    family = "👨‍👩‍👧‍👦"
    parts = split_markdown(family * 80, 128, discord_length)

    assert all(part == family * part.count(family) for part in parts)
    assert "".join(parts) == family * 80


def test_a_growing_text_is_measured_in_proportion_to_its_length() -> None:
    measured: list[int] = []

    def measure(part: str) -> int:
        measured.append(len(part))
        return discord_length(part)

    splitter = Splitter(500, measure)
    text = "Some words that go on, and on.\n\n" * 300
    for end in range(0, len(text), 40):
        splitter.split(text[:end])

    deltas = len(text) // 40
    assert len(measured) < deltas * 6
    assert max(measured) < 1_100


def test_text_that_shows_little_is_not_measured_over_and_over() -> None:
    measured: list[int] = []

    def measure(part: str) -> int:
        measured.append(len(part))
        return 0

    split_markdown("# \n" * 8_000, 500, measure)

    assert sum(measured) < 24_000 * 50


def test_a_limit_that_leaves_no_room_is_refused() -> None:
    with pytest.raises(ValueError, match="leaves no room"):
        Splitter(10, len)
