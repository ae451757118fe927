"""Schemas of foreign tools: arguments are held to them, and no schema holds us up."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolbox.foreign.arguments import wrong_arguments
from toolbox.foreign.schemas import Unfit, taken

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
    bomb = {"$ref": "#/$defs/Bomb"}
    inner = {"allOf": [bomb, bomb], "anyOf": [bomb, bomb, bomb]}
    schema = taken({**_schema(a=bomb), "$defs": {"Bomb": inner}})

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


@pytest.mark.parametrize(
    "broken",
    [
        {"properties": [1]},
        {"properties": {"a": 7}},
        {"properties": {"a": {"type": "strin"}}},
        {"properties": {"a": {"type": []}}},
        {"properties": {"a": {"required": True}}},
        {"properties": {"a": {"enum": []}}},
        {"properties": {"a": {"items": [{"type": "string"}]}}},
        {"properties": {"a": {"anyOf": {}}}},
        {"properties": {"a": {"minimum": "1"}}},
        {"properties": {"a": {"exclusiveMinimum": True}}},
        {"properties": {"a": {"maxLength": -1}}},
        {"properties": {"a": {"default": float("nan")}}},
        {"properties": {"a": {"maximum": float("inf")}}},
        {"properties": {"a": {"maximum": 10**400}}},
        {"properties": {"a": {"$ref": "#/$defs/Nothing"}}},
        {"properties": {"filter[id]": {"type": "string"}}},
        {"properties": {"n" * 65: {"type": "string"}}},
        {"required": "a"},
    ],
)
def test_what_makers_of_models_refuse_with_all_other_tools_is_not_taken(
    broken: dict[str, Any],
) -> None:
    with pytest.raises(Unfit):
        taken({"type": "object", **broken})


def test_choices_at_the_top_which_models_refuse_become_their_arguments() -> None:
    either: list[dict[str, Any]] = [
        {"properties": {"id": {"type": "string"}}, "required": ["id"]},
        {"properties": {}},
    ]
    schema: dict[str, Any] = {
        "properties": {"page": {"type": "integer"}},
        "oneOf": either,
        "not": {},
        "enum": [1],
    }

    assert taken(schema) == {
        "type": "object",
        "properties": {"id": {"type": "string"}, "page": {"type": "integer"}},
    }


def test_words_like_those_of_a_schema_are_fine_where_they_are_names_or_data() -> None:
    named: dict[str, Any] = {
        "type": {"type": "string"},
        "required": {"default": {"type": 7, "enum": []}},
    }
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {**named, "items": {"anyOf": [{"const": {"properties": 1}}, True]}},
        "required": ["type"],
    }

    assert taken(schema) == schema


def test_references_into_lists_are_followed() -> None:
    schema = _schema(a={"anyOf": [{"type": "string"}]}, b={"$ref": "#/properties/a/anyOf/0"})

    assert wrong_arguments(taken(schema), {"b": 1}) == '"b" must be of type "string".'


def test_a_huge_schema_is_left_before_it_is_looked_at() -> None:
    huge = {"type": "object", "description": "d" * 300_000}
    long = {"type": "object", "description": "d" * 30_000}

    with pytest.raises(Unfit, match="more than"):
        taken(huge)
    assert len(taken(long)["description"]) == 501


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
