"""Buttons, as Discord is shown them and as their presses are read."""

from hypothesis import given
from hypothesis import strategies as st

from adapters.discord.buttons import rows_of, says_of
from gateway.domain.deliveries import LONGEST_LABEL, LONGEST_SAYING, Button, ButtonStyle


def test_a_press_says_what_the_button_says() -> None:
    (row,) = rows_of([Button("Yes", "/approve a1", ButtonStyle.GOOD)])
    (shown,) = row["components"]

    assert (shown["label"], shown["style"]) == ("Yes", 3)
    assert says_of(shown["custom_id"]) == "/approve a1"


def test_ids_that_are_none_of_ours_say_nothing() -> None:
    assert [says_of(one) for one in ("", "say", "say:", "approve:1", "SAY:x")] == [None] * 5


def test_of_buttons_that_say_the_same_the_first_is_shown() -> None:
    (row,) = rows_of([Button("A", "x"), Button("B", "x"), Button("C", "y")])

    assert [button["label"] for button in row["components"]] == ["A", "C"]


@given(st.lists(st.builds(Button, st.text(max_size=120), st.text(max_size=120)), max_size=40))
def test_whatever_buttons_there_are_discord_takes_them(buttons: list[Button]) -> None:
    rows = rows_of(buttons)

    shown = [button for row in rows for button in row["components"]]
    ids = [button["custom_id"] for button in shown]
    assert len(rows) <= 5
    assert all(1 <= len(row["components"]) <= 5 for row in rows)
    assert len(set(ids)) == len(ids)
    assert all(len(one) <= 100 for one in ids)
    assert all(0 < len(button["label"].strip()) <= LONGEST_LABEL for button in shown)


def test_the_longest_saying_fits() -> None:
    assert rows_of([Button("x" * LONGEST_LABEL, "y" * LONGEST_SAYING)])
