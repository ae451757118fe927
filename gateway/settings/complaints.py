"""Turns what the checks found into sentences for the operator. No value is ever repeated."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

_RIGHT = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a number that ends",
    "bool": "true or false",
    "string": "a text",
    "path": "a path",
    "tuple": "a list",
    "list": "a list",
    "model": "a table",
    "dict": "a table",
}
"""By the first word of pydantic's name of the mistake (`int_parsing`, `bool_type` …)."""

_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}

_CHOICES = ("enum", "literal_error")

_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "true or false"),
    (int, "a whole number"),
    (float, "a number"),
    (str, "a text"),
    (list, "a list"),
    (tuple, "a list"),
    (dict, "a table"),
)


def complaints(
    error: ValidationError, model: type[BaseModel], origins: Mapping[str, str], file: str
) -> Iterator[str]:
    """Give one sentence for each mistake, naming the setting, its source and what is right."""
    for mistake in error.errors(include_url=False, include_context=True):
        if _is_echo(mistake):
            continue
        name = _dotted(mistake["loc"])
        source = _source(mistake["loc"], origins, file)
        if mistake["type"] == "extra_forbidden":
            yield _unknown_key(mistake["loc"], model, source)
        elif mistake["type"] == "rule":
            yield mistake["msg"]
        elif mistake["type"] == "missing":
            yield f"{name} is not set in {source}, and has no default."
        else:
            yield f"{name} (from {source}) must be {_right(mistake)}; it is {_kind(mistake)}."


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that was probably meant; None when none is near."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.7)
    return found[0] if found else None


def _is_echo(mistake: ErrorDetails) -> bool:
    """Say whether it follows from another mistake, and goes away with it."""
    is_cut = mistake["type"] == "too_short" and bool(mistake["input"])
    return is_cut or mistake["type"] == "default_factory_not_called"


def _right(mistake: ErrorDetails) -> str:
    kind, context = mistake["type"], mistake.get("ctx", {})
    if kind == "must_be":
        return mistake["msg"]
    if kind in _BOUNDS:
        word, bound = _BOUNDS[kind]
        return f"{word} {context[bound]:g}"
    if kind in _CHOICES:
        return f"one of {context['expected']}"
    if kind == "too_short":
        return "a list with something in it"
    if kind == "too_long":
        return f"a list of at most {context['max_length']}"
    return _RIGHT.get(kind.partition("_")[0], f"otherwise ({mistake['msg']})")


def _kind(mistake: ErrorDetails) -> str:
    value: object = mistake["input"]
    if mistake["type"] in _BOUNDS:
        return "not"
    if mistake["type"] == "too_short":
        return "empty"
    if mistake["type"] == "too_long":
        return "longer"
    if mistake["type"] in ("must_be", *_CHOICES) and isinstance(value, str):
        return "another text"
    return next((word for kind, word in _KINDS if isinstance(value, kind)), "something else")


def _dotted(place: Sequence[str | int]) -> str:
    """Write `agents[0].name`, as people count lists in the file's order from 0."""
    written = ""
    for part in place:
        written += f"[{part}]" if isinstance(part, int) else f".{part}"
    return written.removeprefix(".") or "The settings"


def _source(place: Sequence[str | int], origins: Mapping[str, str], file: str) -> str:
    """Return the source of the setting at, or around, this place."""
    keys = [str(part) for part in place]
    heads = (".".join(keys[:length]) for length in range(len(keys), 0, -1))
    return next((origins[head] for head in heads if head in origins), file)


def _unknown_key(place: Sequence[str | int], model: type[BaseModel], source: str) -> str:
    *above, key = place
    section = _section_at(above, model)
    known = {field: _dotted((*above, field)) for field in section.model_fields}
    elsewhere = {field: name for name in _all_names(model) for field in [name.rpartition(".")[2]]}
    near = nearest(str(key), known)
    meant = known[near] if near else elsewhere.get(str(key))
    start = f'"{_dotted(place)}" in {source} is no setting.'
    if meant is not None:
        return f'{start} The nearest is "{meant}".'
    where = f"[{_dotted(above)}]" if above else "the file"
    return f"{start} There is, in {where}: {', '.join(known)}."


def _section_at(place: Sequence[str | int], model: type[BaseModel]) -> type[BaseModel]:
    for part in place:
        if isinstance(part, str):
            model = _model_in(model.model_fields[part].annotation) or model
    return model


def _model_in(annotation: object) -> type[BaseModel] | None:
    """Return the model that a field is, or is a list of."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _all_names(model: type[BaseModel]) -> Iterator[str]:
    for key, field in model.model_fields.items():
        below = _model_in(field.annotation)
        yield key
        if below is not None:
            yield from (f"{key}.{name}" for name in _all_names(below))
