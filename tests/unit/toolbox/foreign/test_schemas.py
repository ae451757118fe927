"""Schemas of foreign tools: arguments are held to them, and no schema holds us up."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolbox.foreign.schemas import Unfit, taken, wrong_arguments

_KEYS = st.sampled_from(
    [
        *("type", "properties", "required", "items", "enum", "const", "$ref", "allOf", "anyOf"),
        *("oneOf", "minimum", "maxLength", "minItems", "additionalProperties", "description", "a"),
    ]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=20,
)


def _schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "arguments", "problem"),
    [
        (_schema(n={"type": "integer"}), {"n": 1.5}, '"n" must be of type "integer".'),
        (_schema(n={"type": ["integer", "null"]}), {"n": None}, ""),
        (_schema(n={"type": "integer"}), {"n": True}, '"n" must be of type "integer".'),
        (_schema(n={"minimum": 3}), {"n": 2}, '"n" must have a value of at least 3.'),
        (_schema(s={"enum": ["a", "b"]}), {"s": "c"}, '"s" must be one of ["a", "b"].'),
        (_schema(s={"const": None}), {"s": 1}, '"s" must be one of [null].'),
        (_schema(s={"maxLength": 2}), {"s": "abc"}, '"s" must have a length of at most 2.'),
        (_schema(), {"x": 1}, 'There is no argument "x". There is nothing.'),
        (_schema(a={"items": {"type": "string"}}), {"a": ["x", 1]}, '"a[1]" must be'),
        (_schema(a={"required": ["b"]}), {"a": {}}, '"a.b" is missing.'),
        (_schema(a={"anyOf": [{"type": "string"}, {"type": "null"}]}), {"a": 1}, '"a" must be'),
        (_schema(a={"anyOf": [{"type": "string"}, {"type": "null"}]}), {"a": None}, ""),
        (_schema(a={"allOf": [{"minLength": 1}, {"maxLength": 2}]}), {"a": "abc"}, '"a" must'),
    ],
)
def test_arguments_are_held_to_the_schema(
    schema: dict[str, Any], arguments: dict[str, Any], problem: str
) -> None:
    found = wrong_arguments(taken(schema), arguments)

    assert found.startswith(problem)
    assert bool(found) == bool(problem)


def test_a_reference_leads_to_what_it_names() -> None:
    schema = {**_schema(city={"$ref": "#/$defs/City"}), "$defs": {"City": {"type": "string"}}}

    assert wrong_arguments(taken(schema), {"city": 1}) == '"city" must be of type "string".'


def test_a_schema_that_refers_to_itself_comes_to_an_end() -> None:
    bomb = {"$ref": "#"}
    schema = taken({"type": "object", "allOf": [bomb, bomb], "anyOf": [bomb, bomb, bomb]})

    assert wrong_arguments(schema, {"a": 1}) == ""


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array"},
        None,
        {"type": "object", "description": "ok", "enum": ["a\x00b"]},
        {"type": "object", "x": ["y"] * 20_000},
        {"$ref": "https://example.com/schema"},
    ],
)
def test_what_no_model_should_carry_is_not_taken(schema: object) -> None:
    with pytest.raises(Unfit):
        taken(schema)


def test_a_deep_schema_is_not_taken() -> None:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(60):
        schema = {"type": "object", "properties": {"a": schema}}

    with pytest.raises(Unfit):
        taken(schema)


@given(schema=st.dictionaries(_KEYS, _JSON, max_size=6), value=_JSON)
def test_no_schema_and_no_arguments_raise_anything(schema: dict[str, Any], value: object) -> None:
    try:
        fit = taken({**schema, "type": "object"})
    except Unfit:
        return

    assert isinstance(wrong_arguments(fit, {"a": value}), str)
