"""Whether the arguments of a call fit the schema of a foreign tool. Pure.

Knows the part of JSON Schema that tools are described with; what it does not know, it allows:
the server looks for itself. Patterns are not tried, as one can be made to take for ever.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from toolbox.foreign.schemas import Json, is_list, is_number, is_object, listed, referred

MOST_LOOKS = 5_000
"""Parts that are looked at for one call; a schema can refer to itself without an end."""
MOST_DEPTH = 60


def wrong_arguments(schema: Json, arguments: Json) -> str:
    """Say what is wrong with the arguments, the first thing alone; "" when nothing is."""
    return next(_Look(schema).at(_Spot(arguments), schema), "")


@dataclass(frozen=True, slots=True)
class _Spot:
    """One value among the arguments."""

    value: object
    path: str = ""
    depth: int = 0
    """How many schemas were gone through to come here."""

    def below(self, name: str, value: object) -> _Spot:
        """Return what an object holds under a name, or a list under `[0]`."""
        dot = "." if self.path and not name.startswith("[") else ""
        return _Spot(value, f"{self.path}{dot}{name}", self.depth + 1)

    def again(self) -> _Spot:
        """Return the same value, for another schema to look at."""
        return replace(self, depth=self.depth + 1)


class _Look:
    """One look at the arguments of a call; it ends, whatever the schema is."""

    def __init__(self, root: Json) -> None:
        self._root = root
        self._looks = 0

    def at(self, spot: _Spot, schema: object) -> Iterator[str]:
        """Yield what is wrong there."""
        self._looks += 1
        if self._looks > MOST_LOOKS or spot.depth > MOST_DEPTH or not is_object(schema):
            return
        if "$ref" in schema:
            yield from self.at(spot.again(), referred(self._root, schema["$ref"]))
        yield from self._choices(spot, schema)
        yield from _simple(spot, schema)
        if is_object(spot.value):
            yield from self._object(spot, schema, spot.value)
        elif is_list(spot.value):
            for number, item in enumerate(spot.value):
                yield from self.at(spot.below(f"[{number}]", item), schema.get("items"))

    def _choices(self, spot: _Spot, schema: Json) -> Iterator[str]:
        for each in listed(schema, "allOf"):
            yield from self.at(spot.again(), each)
        for key in ("anyOf", "oneOf"):
            found = [next(self.at(spot.again(), each), "") for each in listed(schema, key)]
            if found and all(found):
                yield found[0]

    def _object(self, spot: _Spot, schema: Json, value: Json) -> Iterator[str]:
        found = schema.get("properties")
        properties: Json = found if is_object(found) else {}
        for name in listed(schema, "required"):
            if isinstance(name, str) and name not in value:
                yield f'"{spot.below(name, None).path}" is missing.'
        others = schema.get("additionalProperties")
        for name, item in value.items():
            here = spot.below(name, item)
            if name in properties:
                yield from self.at(here, properties[name])
            elif others is False and "patternProperties" not in schema:
                known = ", ".join(properties) or "nothing"
                yield f'There is no argument "{here.path}". There is {known}.'
            else:
                yield from self.at(here, others)


def _simple(spot: _Spot, schema: Json) -> Iterator[str]:
    """Look at the value itself: its type, whether it is one of the choices, and its bounds."""
    kinds, value, path = schema.get("type"), spot.value, spot.path or "arguments"
    allowed = [_KINDS.get(str(kind)) for kind in (kinds if is_list(kinds) else [kinds])]
    if allowed and all(is_kind is not None and not is_kind(value) for is_kind in allowed):
        yield f'"{path}" must be of type {json.dumps(kinds)}.'
    choices = listed(schema, "enum") or ([schema["const"]] if "const" in schema else [])
    if choices and value not in choices:
        yield f'"{path}" must be one of {json.dumps(choices)[:300]}.'
    for key, (is_out, words) in _BOUNDS.items():
        bound = schema.get(key)
        if is_number(bound) and (size := _size(key, value)) is not None and is_out(size, bound):
            yield f'"{path}" must have {words} {str(bound)[:40]}.'


def _size(key: str, value: object) -> float | None:
    if key.endswith("Length"):
        return len(value) if isinstance(value, str) else None
    if key.endswith("Items"):
        return len(value) if is_list(value) else None
    return value if is_number(value) else None


def _is_whole(value: object) -> bool:
    return is_number(value) and value == value // 1


_KINDS: Mapping[str, Callable[[object], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": is_number,
    "integer": _is_whole,
    "boolean": lambda value: isinstance(value, bool),
    "array": is_list,
    "object": is_object,
    "null": lambda value: value is None,
}
_BOUNDS: Mapping[str, tuple[Callable[[float, float], bool], str]] = {
    "minLength": (lambda size, bound: size < bound, "a length of at least"),
    "maxLength": (lambda size, bound: size > bound, "a length of at most"),
    "minItems": (lambda size, bound: size < bound, "a number of items of at least"),
    "maxItems": (lambda size, bound: size > bound, "a number of items of at most"),
    "minimum": (lambda size, bound: size < bound, "a value of at least"),
    "maximum": (lambda size, bound: size > bound, "a value of at most"),
    "exclusiveMinimum": (lambda size, bound: size <= bound, "a value over"),
    "exclusiveMaximum": (lambda size, bound: size >= bound, "a value under"),
}
