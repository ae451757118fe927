"""Whatever is said by a canvas names it, wherever on it that stands."""

from __future__ import annotations

from gateway.domain.canvases import forms_of
from gateway.text.canvas import buttons_of, in_words, said_before
from tests.unit.toolbox.canvases import EVERY_KIND
from toolbox.canvas_names import named
from toolbox.canvas_reading import read_canvas


def test_buttons_and_forms_say_the_name_behind_their_words() -> None:
    canvas = named(read_canvas(EVERY_KIND), "trip")

    said = [button.says for button in buttons_of(canvas)]
    assert said == ["Book the hotel (trip)", "Let us go (trip)", "Stay (trip)"]
    assert [said_before(form) for form in forms_of(canvas)] == ["Your trip (trip)"]


def test_what_a_form_says_stands_for_its_title() -> None:
    form = {**EVERY_KIND[-1], "says": "Plan this"}

    (read,) = forms_of(named(read_canvas([form]), "trip"))

    assert said_before(read) == "Plan this (trip)"


def test_nothing_that_is_read_changes() -> None:
    canvas = read_canvas(EVERY_KIND)

    assert in_words(named(canvas, "trip")) == in_words(canvas)
