"""A canvas as a few plain pieces, for platforms that draw little, and in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import assert_never
from urllib.parse import quote

from gateway.domain import canvases
from gateway.domain.canvases import Canvas, Component, Form, Image, Leaf, Tone, forms_of, inside
from gateway.domain.deliveries import Button, ButtonStyle

SIGNS = {
    Tone.PLAIN: "",
    Tone.INFO: "ℹ️ ",
    Tone.GOOD: "✅ ",
    Tone.WARNING: "⚠️ ",
    Tone.DANGER: "⛔ ",
}
"""What tells a tone where no colour does."""
_NOT_IN_LINKS = str.maketrans({sign: quote(sign) for sign in "()<>`\\"})
"""What would end the address of a link, or begin something else."""
_NOT_IN_LABELS = str.maketrans("[]`\\", "()'/")
_CELLS = 10
"""Of a progress bar that is made of characters."""


@dataclass(frozen=True, slots=True)
class Words:
    """Markdown."""

    markdown: str


@dataclass(frozen=True, slots=True)
class Pictures:
    """Images that are shown together."""

    images: tuple[Image, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across."""


@dataclass(frozen=True, slots=True)
class Presses:
    """A row of buttons."""

    buttons: tuple[Button, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """A form."""

    form: Form


@dataclass(frozen=True, slots=True)
class Frame:
    """Pieces that belong together; there is no frame in a frame."""

    tone: Tone
    pieces: tuple[Plain, ...]


Plain = Words | Pictures | Rule | Presses | Ask
Piece = Plain | Frame


def pieces_of(canvas: Canvas) -> tuple[Piece, ...]:
    """Return what the canvas shows, top to bottom; words that meet are one piece."""
    return _joined(_all(canvas.components))


def in_words(canvas: Canvas) -> str:
    """Return the canvas as Markdown: what is searched, read out, and shown where no canvas is.

    Never empty. Buttons are left out, for messages carry them beside their text.
    """
    said = [_said(piece) for piece in _flat(pieces_of(canvas))]
    labels = " · ".join(button.label for button in buttons_of(canvas))
    return "\n\n".join(part for part in said if part) or labels or "…"


def said(canvas: Canvas) -> Canvas:
    """Return a canvas that says the same in words, with the same to press and to fill in."""
    pressed = tuple(button for each in inside(canvas.components) for button in _pressed(each))
    bar = (canvases.ActionBar(pressed),) if pressed else ()
    return Canvas((canvases.Text(in_words(canvas)), *bar, *forms_of(canvas)))


def _pressed(component: Component) -> tuple[canvases.Button, ...]:
    match component:
        case canvases.Button():
            return (component,)
        case canvases.ActionBar(buttons):
            return buttons
        case _:
            return ()


def with_remark(canvas: Canvas, remark: str) -> Canvas:
    """Return the canvas with a word of ours below all that is on it."""
    return replace(canvas, components=(*canvas.components, canvases.Text(remark.strip())))


def buttons_of(canvas: Canvas) -> tuple[Button, ...]:
    """Return all buttons on the canvas, in order."""
    rows = (piece for piece in _flat(pieces_of(canvas)) if isinstance(piece, Presses))
    return tuple(button for row in rows for button in row.buttons)


def filled_in(says: str, answers: Iterable[tuple[str, str]]) -> str:
    """Return what a person says who sends off a form that says this: a line for each answer."""
    lines = [f"{label}: {answer.strip()}" for label, answer in answers if answer.strip()]
    return "\n".join([says, *lines]) if lines else ""


def link_to(image: Image) -> str:
    """Return the picture as Markdown that nobody loads unasked."""
    return f"[{_label(image.alt)}]({image.url.translate(_NOT_IN_LINKS)})"


def press_of(button: canvases.Button) -> Button:
    """Return a button of a canvas as every message's buttons are."""
    return Button(button.label, button.says or button.label, ButtonStyle(button.style))


def said_before(form: Form) -> str:
    """Return what a person says before what they filled in."""
    return form.says or form.title


def bar_of(value: float) -> str:
    """Return a progress bar made of characters, from 0 to 100 percent."""
    full = round(value / 100 * _CELLS)
    return f"{'▓' * full}{'░' * (_CELLS - full)} {value:.0f} %"


# -- taking apart ------------------------------------------------------------------------------


def _all(components: Iterable[Component]) -> list[Piece]:
    return [piece for each in components for piece in _pieces(each)]


def _pieces(component: Component) -> list[Piece]:
    match component:
        case canvases.Stack() | canvases.Grid():
            return _all(component.children)
        case canvases.Card(title, text, image):
            head: list[Piece] = [Words(_paragraphs(f"### {_line(title)}", text))]
            held = [*head, *_pictures(image), *_all(component.children)]
            return [Frame(Tone.PLAIN, _plain(held))]
        case canvases.ScrollSection(title) | canvases.Dialog(title):
            return [Words(f"### {_line(title)}"), *_all(component.children)]
        case _:
            return _leaf(component)


def _leaf(component: Leaf) -> list[Piece]:
    match component:
        case canvases.Divider():
            return [Rule()]
        case canvases.Image():
            return [Pictures((component,))]
        case canvases.Gallery(images):
            return [Pictures(images)]
        case canvases.Hero(title, subtitle, image):
            return [Words(_paragraphs(f"# {_line(title)}", _line(subtitle))), *_pictures(image)]
        case canvases.Callout(text, title, tone):
            sign = SIGNS[tone]
            words = _paragraphs(f"{sign}**{_line(title)}**", text) if title else f"{sign}{text}"
            return [Frame(tone, (Words(words),))]
        case canvases.Button():
            return [Presses((press_of(component),))]
        case canvases.ActionBar(buttons):
            return [Presses(tuple(press_of(each) for each in buttons))]
        case canvases.Form():
            return [Ask(component)]
        case _:
            return [Words(_words(component))]


def _words(
    component: canvases.Text
    | canvases.Badge
    | canvases.ProgressBar
    | canvases.Stats
    | canvases.Timeline
    | canvases.List
    | canvases.Table,
) -> str:
    match component:
        case canvases.Text(text):
            return text
        case canvases.Badge(text, tone):
            return f"{SIGNS[tone]}**{_line(text)}**"
        case canvases.ProgressBar(value, label):
            return f"**{_line(label)}** {bar_of(value)}" if label else bar_of(value)
        case canvases.Stats(items):
            return "\n".join(_stat(item) for item in items)
        case canvases.Timeline(entries):
            return "\n".join(_moment(entry) for entry in entries)
        case canvases.List(items, ordered):
            marks = (f"{n}." if ordered else "-" for n in range(1, len(items) + 1))
            return "\n".join(f"{m} {_line(item)}" for m, item in zip(marks, items, strict=True))
        case canvases.Table(columns, rows):
            drawn = [_row(columns), _row(["---"] * len(columns)), *map(_row, rows)]
            return "\n".join(drawn)
        case _:
            assert_never(component)


def _stat(item: canvases.Stat) -> str:
    change = f" ({_line(item.change)})" if item.change else ""
    return f"- **{_line(item.label)}:** {_line(item.value)}{change}"


def _moment(entry: canvases.Moment) -> str:
    text = f": {_line(entry.text)}" if entry.text else ""
    return f"- **{_line(entry.when)}** — {_line(entry.title)}{text}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_line(cell).replace('|', chr(92) + '|') for cell in cells)} |"


def _pictures(image: Image | None) -> list[Piece]:
    return [] if image is None else [Pictures((image,))]


# -- putting together --------------------------------------------------------------------------


def _joined(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    joined: list[Piece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if isinstance(piece, Words) and isinstance(last, Words):
            joined[-1] = Words(_paragraphs(last.markdown, piece.markdown))
        else:
            joined.append(piece)
    return tuple(joined)


def _plain(pieces: Iterable[Piece]) -> tuple[Plain, ...]:
    """Return what stands in a frame, without the frames in it."""
    joined = _joined(_flat(pieces))
    return tuple(piece for piece in joined if not isinstance(piece, Frame))


def _flat(pieces: Iterable[Piece]) -> list[Plain]:
    flat: list[Plain] = []
    for piece in pieces:
        flat += piece.pieces if isinstance(piece, Frame) else (piece,)
    return flat


def _said(piece: Plain) -> str:
    match piece:
        case Words(markdown):
            return markdown
        case Pictures(images):
            return "\n".join(map(link_to, images))
        case Rule():
            return "---"
        case Presses():
            return ""
        case Ask(form):
            return "\n".join([f"**{_line(form.title)}:** please tell", *map(_asked, form.fields)])
        case _:
            assert_never(piece)


def _asked(field: canvases.Field) -> str:
    choice = f" ({', '.join(map(_line, field.options))})" if field.options else ""
    return f"- {_line(field.label)}{choice}"


def _paragraphs(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _line(text: str) -> str:
    return " ".join(text.split())


def _label(text: str) -> str:
    return _line(text).translate(_NOT_IN_LABELS)
