"""Whether a tool call's arguments are what its schema asks for. Pure.

Knows the part of JSON Schema that tool schemas are made of; what it does not know, it allows.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeGuard

from agents.embedded.records import Json


def wrong_arguments(schema: Json, arguments: Json) -> list[str]:
    """What is wrong, a sentence each; nothing when the call can be made."""
    unknown = set(arguments) - set(schema.get("properties") or {})
    extra = [f'There is no argument "{name}".' for name in sorted(unknown)]
    return _object("", schema, arguments) + extra


def _check(path: str, schema: Json, value: object) -> list[str]:
    options: list[Json] = schema.get("anyOf") or []
    if options:
        found = [_check(path, option, value) for option in options]
        return [] if any(not wrong for wrong in found) else found[0]
    kind = schema.get("type")
    allowed = _KINDS.get(kind) if isinstance(kind, str) else None
    if allowed is not None and not allowed(value):
        return [f'"{path}" must be of type {kind}, not {_kind_of(value)}.']
    choices = schema.get("enum")
    if choices is not None and value not in choices:
        return [f'"{path}" must be one of {", ".join(map(repr, choices))}.']
    if is_object(value):
        return _object(f"{path}.", schema, value)
    if isinstance(value, list):
        return _array(path, schema, value)  # pyright: ignore[reportUnknownArgumentType] - any JSON
    return []


def _object(prefix: str, schema: Json, value: Json) -> list[str]:
    properties: Json = schema.get("properties") or {}
    missing = [name for name in schema.get("required") or () if name not in value]
    wrong = [f'"{prefix}{name}" is missing.' for name in missing]
    optional = set(properties) - set(schema.get("required") or ())
    for name, item in value.items():
        if name in properties and not (item is None and name in optional):
            wrong += _check(f"{prefix}{name}", properties[name], item)
    return wrong


def _array(path: str, schema: Json, value: list[object]) -> list[str]:
    least, most = schema.get("minItems", 0), schema.get("maxItems", len(value))
    if not least <= len(value) <= most:
        return [f'"{path}" must have {least} to {most} items, not {len(value)}.']
    each: list[Json] = schema.get("prefixItems") or [schema.get("items") or {}] * len(value)
    pairs = enumerate(zip(each, value, strict=False))
    return [wrong for n, (item, got) in pairs for wrong in _check(f"{path}[{n}]", item, got)]


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether this is an object of JSON."""
    return isinstance(value, dict)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_integer(value: object) -> bool:
    return _is_number(value) and int(value) == value  # pyright: ignore[reportArgumentType] - a number


_KINDS: Final[Mapping[str, Callable[[object], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "integer": _is_integer,
    "number": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": is_object,
    "null": lambda value: value is None,
}


def _kind_of(value: object) -> str:
    return next((name for name, fits in _KINDS.items() if fits(value)), "unknown")
