"""Buttons, as Discord is shown them and as their presses are read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.discord.buttons import Buttons
from adapters.discord.payloads import InteractionData
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


def menu_of(buttons: list[Button]) -> InteractionData:
    """Return what Discord sends when the last option of the only menu is chosen."""
    menu = BUTTONS.rows_of(buttons)[0]["components"][0]
    chosen = menu["options"][-1]["value"]
    return InteractionData(custom_id=menu["custom_id"], component_type=3, values=[chosen])


def test_more_plain_buttons_than_a_row_holds_are_a_menu_above_the_others() -> None:
    five = [Button(f"L{n}", f"say {n}") for n in range(5)]
    good = Button("Good", "good", ButtonStyle.GOOD)

    (row,) = BUTTONS.rows_of(five)
    menu, other = BUTTONS.rows_of([good, *five, Button("L5", "say 5")])

    assert [one["type"] for one in row["components"]] == [2] * 5
    assert [one["label"] for one in other["components"]] == ["Good"]
    (shown,) = menu["components"]
    assert [one["label"] for one in shown["options"]] == [f"L{n}" for n in range(6)]


def test_a_choice_says_what_its_button_would() -> None:
    chosen = menu_of([Button(f"L{n}", f"say {n}") for n in range(6)])

    assert BUTTONS.said_by(chosen) == "say 5"


@pytest.mark.parametrize(
    "change",
    [
        {"values": []},
        {"values": ["A" * 16 + ":say what I did not"]},
        {"custom_id": "another menu"},
        {"component_type": 2},
    ],
)
def test_a_choice_that_we_did_not_offer_says_nothing(change: dict[str, object]) -> None:
    chosen = menu_of([Button(f"L{n}", f"say {n}") for n in range(6)])

    assert BUTTONS.said_by(chosen.model_copy(update=change)) is None


def test_two_choices_at_once_say_nothing() -> None:
    chosen = menu_of([Button(f"L{n}", f"say {n}") for n in range(6)])

    assert BUTTONS.said_by(chosen.model_copy(update={"values": chosen.values * 2})) is None


@given(
    st.lists(
        st.builds(
            Button, st.text(max_size=120), st.text(max_size=120), st.sampled_from(ButtonStyle)
        ),
        max_size=40,
    )
)
def test_whatever_buttons_there_are_discord_takes_them(buttons: list[Button]) -> None:
    rows = BUTTONS.rows_of(buttons)

    shown = [part for row in rows for part in row["components"] if part["type"] == 2]
    menus = [part for row in rows for part in row["components"] if part["type"] == 3]
    options = [option for menu in menus for option in menu["options"]]
    ids = [part["custom_id"] for part in (*shown, *menus)] + [one["value"] for one in options]
    labels = [part["label"] for part in (*shown, *options)]
    assert len(rows) <= 5
    assert all(1 <= len(row["components"]) <= 5 for row in rows)
    assert all({"type": 1, "components": [menu]} in rows for menu in menus)
    assert len(set(ids)) == len(ids)
    assert all(len(one) <= 100 for one in ids)
    assert all(5 < len(menu["options"]) <= 25 for menu in menus)
    assert all(0 < len(label.strip()) <= LONGEST_LABEL for label in labels)


def test_the_longest_saying_fits() -> None:
    assert BUTTONS.rows_of([Button("x" * LONGEST_LABEL, "y" * LONGEST_SAYING)])
