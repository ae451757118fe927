"""Buttons, as Discord is shown them and as their presses are read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.discord.buttons import Buttons
from gateway.domain.deliveries import LONGEST_LABEL, LONGEST_SAYING, Button, ButtonStyle

BUTTONS = Buttons("token")


def test_a_press_says_what_the_button_says() -> None:
    (row,) = BUTTONS.rows_of([Button("Yes", "/approve a1", ButtonStyle.GOOD)])
    (shown,) = row["components"]

    assert (shown["label"], shown["style"]) == ("Yes", 3)
    assert BUTTONS.says_of(shown["custom_id"]) == "/approve a1"


@pytest.mark.parametrize("says", ["/approve a1", "é", "\ud800", "a:b"])
def test_only_what_we_signed_says_something(says: str) -> None:
    (row,) = BUTTONS.rows_of([Button("Yes", says)])
    signature, _, _ = row["components"][0]["custom_id"].partition(":")
    (theirs,) = Buttons("other token").rows_of([Button("Yes", says)])
    foreign = theirs["components"][0]["custom_id"]

    forged = [f"{signature}:{says}!", f":{says}", says, f"é:{says}", f"{signature}:", "", foreign]

    assert BUTTONS.says_of(f"{signature}:{says}") == says
    assert [BUTTONS.says_of(one) for one in forged] == [None] * len(forged)


def test_of_buttons_that_say_the_same_the_first_is_shown() -> None:
    (row,) = BUTTONS.rows_of([Button("A", "x"), Button("B", "x"), Button("C", "y")])

    assert [button["label"] for button in row["components"]] == ["A", "C"]


@given(st.lists(st.builds(Button, st.text(max_size=120), st.text(max_size=120)), max_size=40))
def test_whatever_buttons_there_are_discord_takes_them(buttons: list[Button]) -> None:
    rows = BUTTONS.rows_of(buttons)

    shown = [button for row in rows for button in row["components"]]
    ids = [button["custom_id"] for button in shown]
    assert len(rows) <= 5
    assert all(1 <= len(row["components"]) <= 5 for row in rows)
    assert len(set(ids)) == len(ids)
    assert all(len(one) <= 100 for one in ids)
    assert all(0 < len(button["label"].strip()) <= LONGEST_LABEL for button in shown)


def test_the_longest_saying_fits() -> None:
    assert BUTTONS.rows_of([Button("x" * LONGEST_LABEL, "y" * LONGEST_SAYING)])
