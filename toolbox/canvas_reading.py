"""What a model wrote as a canvas → a Canvas within its limits, or what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from functools import cache
from typing import Any, cast

from pydantic import ConfigDict, TypeAdapter, ValidationError

from gateway.domain import canvases
from gateway.domain.canvases import LONGEST_TITLE, MOST_FIELDS, Canvas, Component, Mode, forms_of
from gateway.domain.deliveries import LONGEST_LABEL, LONGEST_SAYING, MOST_BUTTONS
from gateway.errors import BadInput
from gateway.text.canvas import buttons_of, in_words
from gateway.text.storable import storable

DEEPEST = 4
"""Holders within holders."""
MOST_COMPONENTS = 40
MOST_ITEMS = 25
"""Of any list in a component."""
MOST_IN_A_BAR = 5
LONGEST_TEXT = 2_000
LONGEST_URL = 1_000
LONGEST_IN_WORDS = 3_500
"""Characters of the whole canvas in words, so that every platform can show it in one message."""

_NO_CODE = (
    "There is no RawJsx here: nothing that an agent writes runs as code on anybody's page. "
    "Build it from other components, such as card, table and action_bar."
)
_KINDS: Mapping[str, type[Component]] = {
    kind.__dataclass_fields__["type"].default: kind
    for kind in (*canvases.Leaf.__args__, *canvases.Holder.__args__)
}
_STRICT = ConfigDict(extra="forbid", coerce_numbers_to_str=True)
_ADDRESS = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]+)?(/[!-~]*)?")
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def read_canvas(written: Sequence[Mapping[str, Any]], mode: Mode = "inline") -> Canvas:
    """Check what a model wrote. Raises BadInput, which names the component and what is wrong."""
    left = [MOST_COMPONENTS]
    components = tuple(_read(each, f"{n}", 1, left) for n, each in enumerate(written, start=1))
    canvas = Canvas(components, mode)
    if not canvas.components:
        raise BadInput("A canvas has at least one component.")
    _check_whole(canvas)
    return canvas


def _read(written: object, place: str, depth: int, left: list[int]) -> Component:
    """Read one component with all it holds; `left` counts how many more there may be."""
    left[0] -= 1
    if left[0] < 0:
        raise BadInput(f"A canvas has at most {MOST_COMPONENTS} components.")
    if not isinstance(written, dict):
        raise BadInput(f'Component {place} is no object with a "type".')
    given = cast("dict[str, Any]", written)
    kind = _kind_of(given.get("type"), place)
    values = {**given, "type": kind.__dataclass_fields__["type"].default}
    if "children" in given:
        values["children"] = tuple(_children(given["children"], place, depth, left))
    try:
        component = _reader(kind).validate_python(values)
    except ValidationError as error:
        raise BadInput(_sentence(error, place, str(values["type"]))) from None
    assert component is not None, "an object is no null"  # noqa: S101
    _check(component, place)
    return component


def _children(written: object, place: str, depth: int, left: list[int]) -> Iterator[Component]:
    if depth >= DEEPEST:
        raise BadInput(f"Component {place} is too deep: at most {DEEPEST} stand in each other.")
    if not isinstance(written, list):
        raise BadInput(f'The "children" of component {place} are no list.')
    for number, each in enumerate(cast("list[object]", written), start=1):
        yield _read(each, f"{place}.{number}", depth + 1, left)


def _kind_of(name: object, place: str) -> type[Component]:
    plain = _CAPITAL.sub("_", name).lower() if isinstance(name, str) else ""
    if plain.replace("_", "") == "rawjsx":
        raise BadInput(_NO_CODE)
    if plain not in _KINDS:
        known = ", ".join(_KINDS)
        raise BadInput(f'Component {place} has the type "{str(name)[:40]}". There is {known}.')
    return _KINDS[plain]


@cache
def _reader(kind: type[Component]) -> TypeAdapter[Component | None]:
    # Of a dataclass by itself pydantic takes no config; in a union it does.
    wanted: Any = kind | None  # a type that is made here, for which there is no annotation
    return TypeAdapter(wanted, config=_STRICT)


def _sentence(error: ValidationError, place: str, kind: str) -> str:
    problems = (
        f"{'.'.join(str(part) for part in problem['loc']) or 'it'}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)[:5]
    )
    return f"Component {place} ({kind}) does not fit: {'; '.join(problems)}."


# -- limits --------------------------------------------------------------------------------------


def _check(component: Component, place: str) -> None:
    """Check what every component has to keep, then what its kind has to."""
    where = f"component {place} ({component.type})"
    for name, text in _texts(component, where):
        if len(text) > LONGEST_TEXT:
            raise BadInput(f'"{name}" of {where} has more than {LONGEST_TEXT:,} characters.')
        if text != storable(text):
            raise BadInput(f'"{name}" of {where} has characters that can not be stored.')
        if name == "url" and not _is_address(text):
            raise BadInput(f'"{name}" of {where} is no https address.')
    match component:
        case canvases.ActionBar(buttons) if len(buttons) > MOST_IN_A_BAR:
            raise BadInput(f"{where} has more than {MOST_IN_A_BAR} buttons.")
        case canvases.ProgressBar(value) if not 0 <= value <= 100:
            raise BadInput(f'"value" of {where} is not from 0 to 100.')
        case canvases.Table(columns, rows) if any(len(row) != len(columns) for row in rows):
            raise BadInput(f"A row of {where} has not one cell for each column.")
        case canvases.Form():
            _check_form(component, where)
        case _:
            pass


def _texts(thing: object, where: str) -> Iterator[tuple[str, str]]:
    """Give every text in a component but its children's; checks how many there are of each."""
    for field in fields(cast("Any", thing)):  # one of the dataclasses of a canvas
        if field.name not in ("children", "type"):
            value = getattr(thing, field.name)
            if field.default is MISSING and _is_empty(value):
                raise BadInput(f'"{field.name}" of {where} is empty.')
            yield from _texts_in(value, field.name, where)


def _is_empty(value: object) -> bool:
    return value == () or (isinstance(value, str) and not value.strip())


def _texts_in(value: object, name: str, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, tuple):
        several = cast("tuple[object, ...]", value)
        if len(several) > MOST_ITEMS:
            raise BadInput(f'"{name}" of {where} has more than {MOST_ITEMS} entries.')
        for each in several:
            yield from _texts_in(each, name, where)
    elif hasattr(value, "__dataclass_fields__"):
        yield from _texts(value, where)


def _check_form(form: canvases.Form, where: str) -> None:
    labels = [field.label for field in form.fields]
    if len(labels) > MOST_FIELDS or len(set(labels)) < len(labels):
        raise BadInput(f"{where} has 1 to {MOST_FIELDS} fields, each with a label of its own.")
    said = form.says or form.title
    for name in (form.title, said, form.submit, *labels):
        if not 1 <= len(name) <= LONGEST_TITLE or name != name.strip() or not name.isprintable():
            raise BadInput(
                f"{where}: a title or label has 1 to {LONGEST_TITLE} characters on one line."
            )
    if said.startswith("/"):
        raise BadInput(f"{where}: what a form says can not be a command.")
    for field in form.fields:
        if (field.kind == "choice") != bool(field.options):
            raise BadInput(f'{where}: a field has "options" when, and only when, it is a choice.')
        if any(not 1 <= len(each.strip()) <= LONGEST_LABEL for each in field.options):
            raise BadInput(f"{where}: an option has 1 to {LONGEST_LABEL} characters.")
        if len(set(field.options)) < len(field.options):
            raise BadInput(f"{where}: two options are the same.")


def _check_whole(canvas: Canvas) -> None:
    buttons = buttons_of(canvas)
    says = [button.says.strip() for button in buttons]
    if len(says) > MOST_BUTTONS:
        raise BadInput(f"A canvas has at most {MOST_BUTTONS} buttons.")
    if len(set(says)) < len(says):
        raise BadInput("Two buttons say the same: what a press says tells them apart.")
    if any(said.startswith("/") for said in says):
        raise BadInput("A button can not say a command.")
    if any(len(button.label) > LONGEST_LABEL for button in buttons):
        raise BadInput(f"The label of a button has at most {LONGEST_LABEL} characters.")
    if any(not 1 <= len(said) <= LONGEST_SAYING for said in says):
        raise BadInput(f"A button says 1 to {LONGEST_SAYING} characters.")
    if len(forms_of(canvas)) > 1:
        raise BadInput("A canvas has one form at most.")
    length = len(in_words(canvas))
    if length > LONGEST_IN_WORDS:
        raise BadInput(
            f"The canvas has {length:,} characters in words; {LONGEST_IN_WORDS:,} is most. "
            "Show less, or save the whole as a file."
        )


def _is_address(url: str) -> bool:
    return len(url) <= LONGEST_URL and bool(_ADDRESS.fullmatch(url))
