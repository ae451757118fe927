"""Checks JSON bodies against small tables of fields. Knows types and lengths, no meaning.

Discord ignores unknown fields; this server refuses them, so that a misspelt one fails a test.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from tests.platforms.discord_server.errors import FormErrors
from tests.platforms.discord_server.wire import Json

Kind = Literal["string", "integer", "number", "boolean", "snowflake", "nonce", "list", "object"]
Form = Mapping[str, "Field"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its JSON kind, the least and most it may hold, and what is inside."""

    kind: Kind
    most: int | None = None
    """Longest string or list; greatest integer."""

    least: int = 0
    required: bool = False
    form: Form | None = None
    """Fields of an object; of every item, when the kind is "list"."""

    items: "Field | None" = None
    """What each item of a list is, when the items are no objects."""

    choices: tuple[object, ...] = ()
    nullable: bool = True


def check_form(body: Json, form: Form) -> FormErrors:
    """Find every field that is unknown, missing, of a wrong type or too long."""
    errors = FormErrors()
    _check_object(body, form, (), errors)
    return errors


def _check_object(body: Json, form: Form, path: tuple[str, ...], errors: FormErrors) -> None:
    for name in body:
        if name not in form:
            errors.add((*path, name), "UNKNOWN_FIELD", f'"{name}" is not a field of this body.')
    for name, field in form.items():
        if name in body:
            _check_value(body[name], field, (*path, name), errors)
        elif field.required:
            errors.add((*path, name), "BASE_TYPE_REQUIRED", "This field is required")


# Any: the value is what is being checked.
def _check_value(value: Any, field: Field, path: tuple[str, ...], errors: FormErrors) -> None:
    if value is None:
        if field.required or not field.nullable:
            errors.add(path, "BASE_TYPE_REQUIRED", "This field is required")
        return
    complaint = _type_complaint(value, field.kind)
    if complaint is not None:
        errors.add(path, *complaint)
        return
    if field.choices and value not in field.choices:
        allowed = ", ".join(map(str, field.choices))
        errors.add(path, "BASE_TYPE_CHOICES", f"Value must be one of ({allowed}).")
        return
    _check_size(value, field, path, errors)
    _check_inside(value, field, path, errors)


def _check_size(value: Any, field: Field, path: tuple[str, ...], errors: FormErrors) -> None:
    if field.kind in ("integer", "number"):
        if field.most is not None and value > field.most:
            errors.add(path, "NUMBER_TYPE_MAX", f"Value should be at most {field.most}.")
        if value < field.least:
            errors.add(path, "NUMBER_TYPE_MIN", f"Value should be at least {field.least}.")
        return
    if field.kind not in ("string", "list"):
        return
    if field.least and field.most and not field.least <= len(value) <= field.most:
        text = f"Must be between {field.least} and {field.most} in length."
        errors.add(path, "BASE_TYPE_BAD_LENGTH", text)
    elif field.most is not None and len(value) > field.most:
        text = f"Must be {field.most} or fewer in length."
        errors.add(path, "BASE_TYPE_MAX_LENGTH", text)


def _check_inside(value: Any, field: Field, path: tuple[str, ...], errors: FormErrors) -> None:
    if field.kind == "object" and field.form is not None:
        _check_object(value, field.form, path, errors)
    if field.kind != "list":
        return
    inner = Field("object", form=field.form) if field.form is not None else field.items
    if inner is None:
        return
    for index, item in enumerate(cast(list[Any], value)):
        _check_value(item, inner, (*path, str(index)), errors)


def is_snowflake(value: object) -> bool:
    """Tell whether this is an id: digits, or an integer (discord.py sends both)."""
    if isinstance(value, str):
        return value.isdecimal() and value.isascii()
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _type_complaint(value: object, kind: Kind) -> tuple[str, str] | None:
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    match kind:
        case "string":
            return None if isinstance(value, str) else _CONVERT["string"]
        case "integer":
            return None if is_integer else _CONVERT["integer"]
        case "number":
            return None if is_integer or isinstance(value, float) else _CONVERT["number"]
        case "boolean":
            return None if isinstance(value, bool) else _CONVERT["boolean"]
        case "snowflake":
            return None if is_snowflake(value) else _CONVERT["snowflake"]
        case "nonce":
            return _nonce_complaint(value, is_integer=is_integer)
        case "list":
            return None if isinstance(value, list) else _CONVERT["list"]
        case "object":
            return None if isinstance(value, dict) else _CONVERT["object"]


def _nonce_complaint(value: object, *, is_integer: bool) -> tuple[str, str] | None:
    if is_integer:
        return None
    if not isinstance(value, str):
        return _CONVERT["string"]
    if len(value) > 25:
        return ("NONCE_TYPE_TOO_LONG", "Nonce must be 25 or fewer characters long.")
    return None


_CONVERT: dict[str, tuple[str, str]] = {
    "string": ("STRING_TYPE_CONVERT", "Could not interpret the value as string."),
    "integer": ("NUMBER_TYPE_COERCE", "Value is not int."),
    "number": ("NUMBER_TYPE_COERCE", "Value is not float."),
    "boolean": ("BOOLEAN_TYPE_CONVERT", "Must be either true or false."),
    "snowflake": ("NUMBER_TYPE_COERCE", "Value is not snowflake."),
    "list": ("LIST_TYPE_CONVERT", "Only iterables may be used in a ListType"),
    "object": ("DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType"),
}
