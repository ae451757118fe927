"""What a delivery carries beside its text, as JSON: one column in every database."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TypedDict

from pydantic import TypeAdapter, ValidationError

from gateway.domain.artifacts import Attachment
from gateway.domain.canvases import Canvas
from gateway.domain.deliveries import Button


class Gifts(TypedDict):
    """Named as they are in the result of a tool."""

    buttons: tuple[Button, ...]
    files: tuple[Attachment, ...]


class Extras(Gifts):
    """Named as they are in a delivery."""

    canvas: Canvas | None


@dataclass(frozen=True, slots=True)
class _Extras:
    buttons: tuple[Button, ...] = ()
    files: tuple[Attachment, ...] = ()
    canvas: object = None
    """Read by itself: see `_to_canvas`."""


_ADAPTER = TypeAdapter(_Extras)
_CANVAS = TypeAdapter(Canvas)


def write_extras(
    buttons: tuple[Button, ...], files: tuple[Attachment, ...], canvas: Canvas | None = None
) -> str | None:
    """Return the JSON text; None for the usual delivery, which has none of them."""
    if not buttons and not files and canvas is None:
        return None
    written = _ADAPTER.dump_python(_Extras(buttons, files), mode="json", exclude_defaults=True)
    if canvas is not None:
        # Whole: what kind a component is stands in a field with a default.
        written["canvas"] = _CANVAS.dump_python(canvas, mode="json")
    return json.dumps(written, ensure_ascii=False, separators=(",", ":"))


def read_extras(text: str | None) -> Extras:
    """Return buttons, files and canvas."""
    if text is None:
        return {"buttons": (), "files": (), "canvas": None}
    extras = _ADAPTER.validate_json(text)
    canvas = _to_canvas(extras.canvas)
    return {"buttons": extras.buttons, "files": extras.files, "canvas": canvas}


def read_gifts(text: str | None) -> Gifts:
    """Return buttons and files."""
    extras = read_extras(text)
    return {"buttons": extras["buttons"], "files": extras["files"]}


def _to_canvas(written: object) -> Canvas | None:
    """Return the canvas; None for one that a newer Postern wrote: its words are in the text."""
    if written is None:
        return None
    try:
        return _CANVAS.validate_python(written)
    except ValidationError:
        return None
