"""What a canvas is made of: components that every platform shows in its own way, none of it code.

`gateway/text/canvas.py` says it in words; each platform's `canvas.py` draws it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

LONGEST_TITLE = 40
"""Characters of what a form and its fields are called: what the narrowest platform shows."""
MOST_FIELDS = 5
"""Of one form: what a window holds on the narrowest platform."""


class Tone(StrEnum):
    """What a thing feels like; platforms show it by colour, and never by colour alone."""

    PLAIN = "plain"
    INFO = "info"
    GOOD = "good"
    WARNING = "warning"
    DANGER = "danger"


# -- leaves ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text:
    """Markdown."""

    text: str
    type: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class Divider:
    """A line between what stands above and below."""

    type: Literal["divider"] = "divider"


@dataclass(frozen=True, slots=True)
class Badge:
    """A word or two, set apart."""

    text: str
    tone: Tone = Tone.PLAIN
    type: Literal["badge"] = "badge"


@dataclass(frozen=True, slots=True)
class Callout:
    """A remark that should not be missed."""

    text: str
    """Markdown."""
    title: str = ""
    tone: Tone = Tone.INFO
    type: Literal["callout"] = "callout"


@dataclass(frozen=True, slots=True)
class Image:
    """A picture on the web."""

    url: str
    """https. Discord and Slack fetch it themselves; the web page links to it."""
    alt: str
    """What it shows, for who does not see it."""
    type: Literal["image"] = "image"


@dataclass(frozen=True, slots=True)
class Gallery:
    """Several pictures."""

    images: tuple[Image, ...]
    type: Literal["gallery"] = "gallery"


@dataclass(frozen=True, slots=True)
class Hero:
    """The heading of the whole."""

    title: str
    subtitle: str = ""
    image: Image | None = None
    type: Literal["hero"] = "hero"


@dataclass(frozen=True, slots=True)
class ProgressBar:
    """How far something has come."""

    value: float
    """Percent, from 0 to 100."""
    label: str = ""
    type: Literal["progress_bar"] = "progress_bar"


@dataclass(frozen=True, slots=True)
class Stat:
    """A figure with its name."""

    label: str
    value: str
    change: str = ""


@dataclass(frozen=True, slots=True)
class Stats:
    """Figures side by side."""

    items: tuple[Stat, ...]
    type: Literal["stats"] = "stats"


@dataclass(frozen=True, slots=True)
class Moment:
    """One entry of a timeline."""

    when: str
    title: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    """What happened, or will, in order."""

    entries: tuple[Moment, ...]
    type: Literal["timeline"] = "timeline"


@dataclass(frozen=True, slots=True)
class List:
    """Lines with a mark, or a number, before each."""

    items: tuple[str, ...]
    ordered: bool = False
    type: Literal["list"] = "list"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells below their headings."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    type: Literal["table"] = "table"


@dataclass(frozen=True, slots=True)
class Button:
    """Something to press."""

    label: str
    says: str = ""
    """What its presser says by it; the label when empty."""
    style: Literal["plain", "good", "danger"] = "plain"
    type: Literal["button"] = "button"


@dataclass(frozen=True, slots=True)
class ActionBar:
    """Buttons in a row."""

    buttons: tuple[Button, ...]
    type: Literal["action_bar"] = "action_bar"


@dataclass(frozen=True, slots=True)
class Field:
    """Something to fill in."""

    label: str
    """At most LONGEST_TITLE characters."""
    kind: Literal["line", "text", "choice"] = "line"
    options: tuple[str, ...] = ()
    """Of a choice."""
    required: bool = True


@dataclass(frozen=True, slots=True)
class Form:
    """Fields that are sent off together: what its person then says is `filled_in`."""

    title: str
    """At most LONGEST_TITLE characters."""
    fields: tuple[Field, ...]
    submit: str = "Send"
    says: str = ""
    """What its person says before what they filled in; the title when empty."""
    type: Literal["form"] = "form"


# -- what holds others -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stack:
    """Components below or beside each other."""

    children: tuple[Component, ...]
    direction: Literal["vertical", "horizontal"] = "vertical"
    type: Literal["stack"] = "stack"


@dataclass(frozen=True, slots=True)
class Grid:
    """Components in columns, where there is room for them."""

    children: tuple[Component, ...]
    columns: Literal[1, 2, 3, 4] = 2
    type: Literal["grid"] = "grid"


@dataclass(frozen=True, slots=True)
class Card:
    """One thing, framed."""

    title: str
    text: str = ""
    """Markdown."""
    image: Image | None = None
    children: tuple[Component, ...] = ()
    type: Literal["card"] = "card"


@dataclass(frozen=True, slots=True)
class ScrollSection:
    """A longer part that scrolls by itself, where it can."""

    title: str
    children: tuple[Component, ...]
    type: Literal["scroll_section"] = "scroll_section"


@dataclass(frozen=True, slots=True)
class Dialog:
    """A part that is opened when it is wanted, where it can be."""

    title: str
    children: tuple[Component, ...]
    type: Literal["dialog"] = "dialog"


Leaf = (
    Text
    | Divider
    | Badge
    | Callout
    | Image
    | Gallery
    | Hero
    | ProgressBar
    | Stats
    | Timeline
    | List
    | Table
    | Button
    | ActionBar
    | Form
)
Holder = Stack | Grid | Card | ScrollSection | Dialog
Component = Leaf | Holder


Mode = Literal["inline", "overlay", "fullscreen"]
"""Where a page shows a canvas: in the conversation, or above it once it is opened there."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """What one message shows instead of its text, where its platform can."""

    components: tuple[Component, ...]
    mode: Mode = "inline"
    """Platforms that can't lay anything above a conversation show all of it inline."""


def inside(components: tuple[Component, ...]) -> tuple[Component, ...]:
    """Return all components of a tree, parents first."""
    found: list[Component] = []
    for each in components:
        found.append(each)
        if isinstance(each, Holder):
            found += inside(each.children)
    return tuple(found)


def forms_of(canvas: Canvas) -> tuple[Form, ...]:
    """Return the forms on it; a canvas has one at most."""
    return tuple(each for each in inside(canvas.components) if isinstance(each, Form))
