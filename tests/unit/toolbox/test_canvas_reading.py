"""What models write as canvases: each kind is read, and what does not fit is told in a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.domain.canvases import Canvas, Component, Holder, Leaf, inside
from gateway.errors import BadInput
from tests.unit.toolbox.canvases import EVERY_KIND
from toolbox.canvas_reading import (
    LONGEST_IN_WORDS,
    LONGEST_TEXT,
    MOST_COMPONENTS,
    read_canvas,
)

Written = dict[str, Any]


def _text(text: str = "x") -> Written:
    return {"type": "text", "text": text}


def _form(**changes: object) -> Written:
    form: Written = {"type": "form", "title": "Trip", "fields": [{"label": "From"}]}
    return {**form, **changes}


def _nested(depth: int) -> Written:
    return _text() if depth == 1 else {"type": "stack", "children": [_nested(depth - 1)]}


def test_every_kind_of_component_is_read() -> None:
    canvas = read_canvas(EVERY_KIND)

    read = {type(each) for each in inside(canvas.components)}
    assert read == {*Leaf.__args__, *Holder.__args__}


def test_names_of_kinds_are_read_as_people_write_them_too() -> None:
    bar: Written = {"type": "ProgressBar", "value": 5}

    assert read_canvas([bar]) == read_canvas([{**bar, "type": "progress_bar"}])


def test_a_figure_may_be_a_number() -> None:
    written: Written = {"type": "stats", "items": [{"label": "Price", "value": 12}]}

    assert read_canvas([written]) == read_canvas(
        [{"type": "stats", "items": [{"label": "Price", "value": "12"}]}]
    )


@pytest.mark.parametrize("name", ["RawJsx", "raw_jsx", "rawJSX"])
def test_code_is_refused_with_a_sentence(name: str) -> None:
    with pytest.raises(BadInput, match="nothing that an agent writes runs as code"):
        read_canvas([{"type": "stack", "children": [{"type": name, "code": "alert(1)"}]}])


WRONG: dict[str, tuple[list[Any], str]] = {
    "nothing": ([], "at least one component"),
    "no object": (["text"], "Component 1 is no object"),
    "no type": ([{}], 'Component 1 has the type "None"'),
    "an unknown type": ([_text(), {"type": "iframe"}], 'Component 2 has the type "iframe".'),
    "an unknown key": ([{**_text(), "onclick": "x"}], "onclick: Unexpected keyword"),
    "a missing key": ([{"type": "card"}], "Component 1 (card) does not fit: title: Field required"),
    "another kind of value": ([{"type": "text", "text": ["x"]}], "should be a valid string"),
    "an empty text": ([_text("")], '"text" of component 1 (text) is empty.'),
    "a blank text": ([_text(" \n")], '"text" of component 1 (text) is empty.'),
    "a blank label": (
        [{"type": "button", "label": " ", "says": "x"}],
        '"label" of component 1 (button) is empty.',
    ),
    "half a character": ([_text("\ud800")], "characters that can not be stored"),
    "a long text": ([_text("x" * (LONGEST_TEXT + 1))], "more than 2,000 characters"),
    "much in all": ([_text("x" * LONGEST_TEXT)] * 2, f"{LONGEST_IN_WORDS:,} is most"),
    "many": ([{"type": "divider"}] * (MOST_COMPONENTS + 1), "at most 40 components"),
    "many below": (
        [{"type": "stack", "children": [{"type": "divider"}] * 10_000}],
        "at most 40 components",
    ),
    "too deep": ([_nested(6)], "Component 1.1.1.1 is too deep"),
    "children of another kind": ([{"type": "stack", "children": "x"}], "are no list"),
    "many items": ([{"type": "list", "items": ["x"] * 26}], "more than 25 entries"),
    "a ragged table": (
        [{"type": "table", "columns": ["a", "b"], "rows": [["1"]]}],
        "not one cell for each column",
    ),
    "more than all": ([{"type": "progress_bar", "value": 101}], "not from 0 to 100"),
    "no number": ([{"type": "progress_bar", "value": float("nan")}], "not from 0 to 100"),
    "an address of a script": (
        [{"type": "image", "url": "javascript:alert(1)", "alt": "x"}],
        "no https address",
    ),
    "an address that breaks out": (
        [{"type": "image", "url": 'https://x.org/"><script>\n', "alt": "x"}],
        "no https address",
    ),
    "an address in the clear": (
        [{"type": "image", "url": "http://x.org/a", "alt": "x"}],
        "no https address",
    ),
    "a long address": (
        [{"type": "image", "url": f"https://x.org/{'a' * 987}", "alt": "x"}],
        "no https address",
    ),
    "a long entry": ([{"type": "list", "items": ["x" * (LONGEST_TEXT + 1)]}], "more than 2,000"),
    "many buttons": (
        [{"type": "button", "label": f"{n}"} for n in range(26)],
        "at most 25 buttons",
    ),
    "a command behind a space": (
        [{"type": "button", "label": "Yes", "says": " /approve a1"}],
        "say a command",
    ),
    "a command": ([{"type": "button", "label": "Yes", "says": "/approve a1"}], "say a command"),
    "one saying twice": ([{"type": "button", "label": "Yes"}] * 2, "say the same"),
    "a wide bar": (
        [{"type": "action_bar", "buttons": [{"label": f"{n}"} for n in range(6)]}],
        "more than 5 buttons",
    ),
    "a long label": ([{"type": "button", "label": "x" * 76}], "at most 75 characters"),
    "a long saying": ([{"type": "button", "label": "x", "says": "y" * 81}], "says 1 to 80"),
    "two forms": ([_form(), _form(title="Other")], "one form at most"),
    "no field": ([_form(fields=[])], '"fields" of component 1 (form) is empty.'),
    "many fields": ([_form(fields=[{"label": f"{n}"} for n in range(6)])], "has 1 to 5 fields"),
    "two fields of one label": ([_form(fields=[{"label": "a"}] * 2)], "label of its own"),
    "a long title": ([_form(title="x" * 41)], "1 to 40 characters"),
    "a title of two lines": ([_form(title="a\nb")], "on one line"),
    "a form that is a command": ([_form(title="/approve a1")], "can not be a command"),
    "a form that says a command": ([_form(says="/approve a1")], "can not be a command"),
    "a title behind a space": ([_form(title=" /approve a1")], "on one line"),
    "a choice of nothing": ([_form(fields=[{"label": "a", "kind": "choice"}])], "it is a choice"),
    "options of a line": ([_form(fields=[{"label": "a", "options": ["x"]}])], "it is a choice"),
    "a blank option": (
        [_form(fields=[{"label": "a", "kind": "choice", "options": [" "]}])],
        "an option has 1 to 75",
    ),
    "a long option": (
        [_form(fields=[{"label": "a", "kind": "choice", "options": ["x" * 76]}])],
        "an option has 1 to 75",
    ),
    "an option twice": (
        [_form(fields=[{"label": "a", "kind": "choice", "options": ["x", "x"]}])],
        "two options are the same",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_told_with_its_place(case: str) -> None:
    written, sentence = WRONG[case]

    with pytest.raises(BadInput) as refused:
        read_canvas(written)

    assert sentence in str(refused.value)
    assert len(str(refused.value)) < 500


def test_what_stands_in_a_canvas_is_counted_over_all_depths() -> None:
    holders: list[Written] = [
        {"type": "card", "title": "x", "children": [_text()] * 3} for _ in range(10)
    ]
    canvas: Canvas = read_canvas(holders)
    every: tuple[Component, ...] = inside(canvas.components)

    assert len(every) == MOST_COMPONENTS
    with pytest.raises(BadInput, match="at most 40"):
        read_canvas([*holders, _text()])
