"""The JSON Schema of a foreign tool: whether it is taken, and as what. Pure.

Makers of models look at the schemas of all tools of a request, and refuse the whole request for
one that is none, or that they can not do with. One tool of one server would stop every agent, so
such a tool is left out ("Define tools", Anthropic's reference; JSON Schema, draft 2020-12).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeGuard, cast

from toolbox.foreign.wording import cleaned, is_plain

LONGEST_SCHEMA = 20_000
"""Characters of a schema as JSON; every turn of every agent carries it."""
_LONGEST_RAW = 10 * LONGEST_SCHEMA
"""The same before its prose is cut."""
LONGEST_TEXT = 500
DEEPEST = 20
_PROSE = ("description", "title", "$comment")
_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
"""What the name of an argument is made of, for every maker of models."""
_CHOICES = ("allOf", "anyOf", "oneOf")
_NOT_AT_THE_TOP = (*_CHOICES, "not", "if", "then", "else", "enum", "const")
_LARGEST = 1e300

Json = Mapping[str, Any]  # what a server sent; looked at part by part


class Unfit(ValueError):
    """The schema is not taken; the message says why."""


def taken(schema: object) -> Json:
    """Return the schema as models get it, its prose cleaned. Raises Unfit."""
    if not is_object(schema) or schema.get("type", "object") != "object":
        raise Unfit("its arguments are no object")
    if len(json.dumps(schema)) > _LONGEST_RAW:
        raise Unfit(f"its schema has more than {_LONGEST_RAW:,} characters")
    fit = _without_choices(cast("Json", _taken({**schema, "type": "object"}, 0)))
    if len(json.dumps(fit)) > LONGEST_SCHEMA:
        raise Unfit(f"its schema has more than {LONGEST_SCHEMA:,} characters")
    _check(fit, fit)
    if odd := [name for name in fit.get("properties", ()) if not _NAME.fullmatch(name)]:
        raise Unfit(f'models refuse the name of its argument "{odd[0][:80]}"')
    return fit


def _taken(part: object, depth: int) -> object:
    if depth > DEEPEST:
        raise Unfit(f"its schema is more than {DEEPEST} levels deep")
    if is_list(part):
        return [_taken(each, depth + 1) for each in part]
    if isinstance(part, str) and not is_plain(part):
        raise Unfit("its schema has hidden characters")
    if is_number(part) and not abs(part) < _LARGEST:
        raise Unfit("its schema has a number that is none, or too large")
    if not is_object(part):
        return part
    if not all(is_plain(key) for key in part):
        raise Unfit("its schema has hidden characters")
    return {key: _named(key, value, depth) for key, value in part.items() if key != "$schema"}


def _named(key: str, value: object, depth: int) -> object:
    if key in _PROSE and isinstance(value, str):
        return cleaned(value, LONGEST_TEXT)
    if key == "$ref" and not (isinstance(value, str) and value.startswith("#")):
        raise Unfit("its schema refers to somewhere else")
    return _taken(value, depth + 1)


def _without_choices(schema: Json) -> Json:
    """Return it without what models refuse at the top; what may be chosen there may be given.

    Which arguments go together, the server sees for itself.
    """
    branches = [each for key in _CHOICES for each in listed(schema, key) if is_object(each)]
    if not any(key in schema for key in _NOT_AT_THE_TOP):
        return schema
    kept = {key: value for key, value in schema.items() if key not in _NOT_AT_THE_TOP}
    named = [each["properties"] for each in branches if is_object(each.get("properties"))]
    properties = {name: part for each in named for name, part in each.items()}
    own = kept.get("properties", {})
    return {**kept, "properties": {**properties, **own} if is_object(own) else own}


def _check(part: object, root: Json) -> None:
    """Raise Unfit where JSON Schema has something else."""
    if isinstance(part, bool):
        return
    if not is_object(part):
        raise Unfit("its schema is none")
    for key, value in part.items():
        if not _FITS.get(key, _is_anything)(value):
            raise Unfit(f'its schema has a "{key}" that is none')
        if key == "$ref" and referred(root, value) is None:
            raise Unfit(f'its schema refers to "{str(value)[:80]}", which it does not have')
        for each in _schemas_in(key, value):
            _check(each, root)


def _schemas_in(key: str, value: object) -> Iterable[object]:
    if key in _OF_NAMES and is_object(value):
        return value.values()
    if key in _OF_SEVERAL and is_list(value):
        return value
    return [value] if key in _OF_ONE else []


def referred(root: Json, reference: object) -> object:
    """Return what `#/$defs/Name` stands for; None where it leads nowhere."""
    part: object = root
    for key in str(reference).removeprefix("#").split("/")[1:]:
        name = key.replace("~1", "/").replace("~0", "~")
        if is_list(part):
            part = part[int(name)] if name in map(str, range(len(part))) else None
        else:
            part = part.get(name) if is_object(part) else None
    return part


def listed(schema: Json, key: str) -> list[object]:
    """Return the list that stands there; an empty one for anything else."""
    found = schema.get(key)
    return found if is_list(found) else []


def is_object(value: object) -> TypeGuard[Json]:
    """Whether it is an object of JSON, whose keys are always texts."""
    return isinstance(value, Mapping)


def is_list(value: object) -> TypeGuard[list[object]]:
    """Whether it is a list of JSON."""
    return isinstance(value, list)


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a number of JSON."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_anything(value: object) -> bool:
    return True


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_count(value: object) -> bool:
    return is_number(value) and value >= 0 and value == value // 1


def _is_some(value: object) -> bool:
    return is_list(value) and len(value) > 0


def _are_names(value: object) -> bool:
    return is_list(value) and all(isinstance(each, str) for each in value)


def _is_type(value: object) -> bool:
    kinds = value if is_list(value) else [value]
    return len(kinds) > 0 and all(kind in KINDS for kind in kinds)


KINDS = ("string", "number", "integer", "boolean", "array", "object", "null")
_OF_NAMES = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_OF_ONE = (
    *("items", "contains", "additionalProperties", "propertyNames", "not", "if", "then", "else"),
    *("unevaluatedItems", "unevaluatedProperties"),
)
_OF_SEVERAL = (*_CHOICES, "prefixItems")
_FITS: Mapping[str, Callable[[object], bool]] = {
    "type": _is_type,
    "required": _are_names,
    "enum": _is_some,
    **dict.fromkeys(_OF_NAMES, is_object),
    **dict.fromkeys(_OF_SEVERAL, _is_some),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), _is_count),
    **dict.fromkeys(("minProperties", "maxProperties"), _is_count),
    **dict.fromkeys(("minimum", "maximum", "multipleOf"), is_number),
    **dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum"), is_number),
    **dict.fromkeys((*_PROSE, "format", "pattern", "$ref"), _is_text),
}
