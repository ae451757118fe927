"""Canvases as Discord's components of version 2, which stand in the place of a text. Pure.

Source: Discord's reference, "Component Reference" (limits, and that a message keeps the version).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import assert_never

from adapters.discord.buttons import Buttons
from adapters.discord.rest import Json
from gateway.domain.canvases import Canvas, Form, Image, Tone, forms_of
from gateway.text.canvas import (
    Ask,
    Frame,
    Pictures,
    Piece,
    Presses,
    Rule,
    Words,
    buttons_of,
    in_words,
    pieces_of,
)
from gateway.text.discord import discord_length, to_discord
from gateway.text.split import split_markdown

TEXT_LIMIT = 4_000
"""Characters of all texts in one message."""
MOST_COMPONENTS = 40
"""In one message, those in others counted too."""
_ROW, _BUTTON, _TEXT, _GALLERY, _SEPARATOR, _CONTAINER = 1, 2, 10, 12, 14, 17
_PRIMARY = 1
_MOST_PICTURES = 10
_LONGEST_ALT = 1_000
_COLOURS = {
    Tone.INFO: 0x3498DB,
    Tone.GOOD: 0x2ECC71,
    Tone.WARNING: 0xF1C40F,
    Tone.DANGER: 0xE74C3C,
}
_GOES_ON = "\n…"


def components_of(canvas: Canvas, number: int, buttons: Buttons) -> tuple[Json, ...]:
    """Return what shows it; words and buttons where it is more than one message holds.

    `number` is that of its delivery, by which a form is found when its button is pressed.
    """
    draw = _Pen(number, buttons)
    drawn = draw.all(pieces_of(canvas))
    if drawn and _length(drawn) <= TEXT_LIMIT and _count(drawn) <= MOST_COMPONENTS:
        return tuple(drawn)
    forms = [row for form in forms_of(canvas) for row in draw.form(form)]
    return (_text(_beginning(in_words(canvas))), *buttons.rows_of(buttons_of(canvas)), *forms)


def text_of(components: Iterable[Json]) -> str:
    """Return all words in components, as history shows them too."""
    return "\n".join(_texts(components))


class _Pen:
    """Draws the pieces of one canvas."""

    def __init__(self, number: int, buttons: Buttons) -> None:
        self._number = number
        self._buttons = buttons

    def all(self, pieces: Iterable[Piece]) -> list[Json]:
        return [drawn for piece in pieces for drawn in self._one(piece)]

    def form(self, form: Form) -> list[Json]:
        """Return the button that opens a window with the fields: messages have none."""
        opens: Json = {
            "type": _BUTTON,
            "style": _PRIMARY,
            "label": form.title,
            "custom_id": self._buttons.form_id(self._number),
        }
        return [{"type": _ROW, "components": [opens]}]

    def _one(self, piece: Piece) -> Sequence[Json]:
        match piece:
            case Words(markdown):
                shown = to_discord(markdown).strip()
                return [_text(shown)] if shown else []
            case Pictures(images):
                starts = range(0, len(images), _MOST_PICTURES)
                return [_gallery(images[start : start + _MOST_PICTURES]) for start in starts]
            case Rule():
                return [{"type": _SEPARATOR}]
            case Presses(buttons):
                return self._buttons.rows_of(buttons)
            case Ask(form):
                return self.form(form)
            case Frame(tone, inner):
                return _container(tone, self.all(inner))
            case _:
                assert_never(piece)


def _text(content: str) -> Json:
    return {"type": _TEXT, "content": content}


def _gallery(images: Iterable[Image]) -> Json:
    items = [
        {"media": {"url": image.url}, "description": image.alt[:_LONGEST_ALT]} for image in images
    ]
    return {"type": _GALLERY, "items": items}


def _container(tone: Tone, inner: list[Json]) -> list[Json]:
    if not inner:
        return []
    colour = {"accent_color": _COLOURS[tone]} if tone in _COLOURS else {}
    return [{"type": _CONTAINER, "components": inner, **colour}]


def _beginning(words: str) -> str:
    whole = to_discord(words).strip()
    if len(whole.encode("utf-16-le", "replace")) // 2 <= TEXT_LIMIT:
        return whole or "…"
    parts = split_markdown(words, TEXT_LIMIT - len(_GOES_ON) - 8, discord_length)
    return to_discord(parts[0]).strip() + _GOES_ON


def _length(components: Iterable[Json]) -> int:
    return sum(len(text.encode("utf-16-le", "replace")) // 2 for text in _texts(components))


def _texts(components: Iterable[Json]) -> list[str]:
    texts: list[str] = []
    for each in components:
        texts += [str(each["content"])] if "content" in each else []
        texts += _texts(each.get("components", ()))
    return texts


def _count(components: Sequence[Json]) -> int:
    return len(components) + sum(_count(each.get("components", ())) for each in components)
