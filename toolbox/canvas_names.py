"""What people do on a canvas says which one it was on: its name stands behind their words. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from gateway.domain.canvases import ActionBar, Button, Canvas, Component, Form, Holder
from gateway.domain.deliveries import LONGEST_SAYING
from gateway.errors import BadInput
from gateway.text.canvas import press_of, said_before

_Part = TypeVar("_Part", bound=Component)


def named(canvas: Canvas, name: str) -> Canvas:
    """Return the canvas with its name in all that is said by it.

    Raises BadInput where that is more than a platform carries.
    """
    return replace(canvas, components=_all(canvas.components, name))


def _all(parts: tuple[_Part, ...], name: str) -> tuple[_Part, ...]:
    return tuple(_one(part, name) for part in parts)


def _one(part: _Part, name: str) -> _Part:
    match part:
        case Button():
            return replace(part, says=_said(press_of(part).says, name))
        case ActionBar(buttons):
            return replace(part, buttons=_all(buttons, name))
        case Form():
            return replace(part, says=_said(said_before(part), name))
        case _ if isinstance(part, Holder):
            return replace(part, children=_all(part.children, name))
        case _:
            return part


def _said(says: str, name: str) -> str:
    behind = f" ({name})"
    room = LONGEST_SAYING - len(behind)
    if len(says) > room:
        raise BadInput(
            f'What is said by "{name}" has at most {room} characters, for its name is said too: '
            f"{says!r} has {len(says)}."
        )
    return f"{says}{behind}"
