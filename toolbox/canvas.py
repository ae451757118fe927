"""The tools by which an agent shows something to look at, changes it, and takes it away."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from typing import Any
from weakref import WeakValueDictionary

from gateway.domain.canvases import Canvas, Mode
from gateway.domain.deliveries import Delivery, DeliveryState, NewDelivery
from gateway.domain.ids import DeliveryId
from gateway.domain.people import lane_owner
from gateway.domain.tools import Effect, ToolCall
from gateway.domain.turns import Turn
from gateway.errors import BadInput
from gateway.ports import Clock, Store
from gateway.text.canvas import buttons_of, in_words
from toolbox.canvas_names import named
from toolbox.canvas_pictures import with_links
from toolbox.canvas_reading import read_canvas
from toolbox.registry import Tool, tool_from

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_OVER = (DeliveryState.FAILED, DeliveryState.DROPPED)


def canvas_tools(store: Store, clock: Clock, picture_hosts: Collection[str] = ()) -> list[Tool]:
    """Return the tools. A canvas is a delivery; which one goes by a name is a note of its owner.

    Pictures of other hosts than these are shown as links.
    """
    shelf = _Shelf(store, clock)

    async def show(
        turn: Turn,
        call: ToolCall,
        name: str,
        components: list[dict[str, Any]],
        mode: Mode = "inline",
    ) -> str:
        """Show cards, tables, buttons and more, as a message here that you can change later.

        The same name again changes that message. What people press, or send off, comes to you as
        their message, with the name behind it: Book it (plan). Each component is an object with a
        "type" and these keys (? may be left out; Markdown in text): text{text} hero{title,
        subtitle?, image?} card{title, text?, image?, children?} stack{children, direction?:
        vertical|horizontal} grid{children, columns?: 1-4} scroll_section{title, children}
        dialog{title, children: shown when opened} callout{text, title?, tone?:
        plain|info|good|warning|danger} badge{text, tone?} divider{} list{items, ordered?}
        table{columns, rows} stats{items: [{label, value, change?}]} timeline{entries: [{when,
        title, text?}]} progress_bar{value: 0-100, label?} image{url: https, alt} gallery{images:
        [{url, alt}]} button{label, says?, style?: plain|good|danger} action_bar{buttons: [{label,
        says?, style?}]} form{title, says?, submit?, fields: [{label, kind?: line|text|choice,
        options?, required?}]}.

        Args:
            name: What you call it, such as plan or trip-form.
            components: What it shows from now on, top to bottom.
            mode: On the web page, overlay and fullscreen are opened by a button.
        """
        canvas = with_links(read_canvas(components, mode), picture_hosts)
        return await shelf.show(turn, call, name, named(canvas, _checked(name)))

    async def take_back(turn: Turn, name: str) -> str:
        """Take away what you showed here under a name.

        Args:
            name: As you gave it to show.
        """
        return await shelf.take_away(turn, _checked(name))

    # Its id is made from the call's, and a change is a whole canvas: a repeat is the same.
    return [
        tool_from(show, effect=Effect.IDEMPOTENT),
        tool_from(take_back, effect=Effect.IDEMPOTENT),
    ]


class _Shelf:
    """The canvases that stand somewhere, by whose they are, where, and what they are called."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        """By note: calls of one round are made at once, and two of one name must not both post."""

    async def show(self, turn: Turn, call: ToolCall, name: str, canvas: Canvas) -> str:
        """Show it, as a change of the message that shows this name already."""
        if any(message.is_private for message in turn.messages):
            raise BadInput(
                "You were asked in private, and everybody here would see it: answer in words."
            )
        async with self._lock(turn, name):
            known = await self._known(turn, name)
            if known is not None and known.state not in _OVER:
                await self._revise(known.id, in_words(canvas), canvas)
                return f'"{name}" is changed.'
            post = DeliveryId(f"{turn.ref.id}.canvas-{call.id}")
            if known is not None and known.id == post:
                raise BadInput(f'"{name}" could not be shown: its platform took no such message.')
            await self._store.deliveries.enqueue([_new(post, turn, canvas)], self._clock.now())
            await self._store.notes.put(*_note(turn, name), post)
            if known is not None:
                return f'"{name}" is shown anew: what was shown as it before could not be sent.'
            return f'"{name}" is shown.'

    async def take_away(self, turn: Turn, name: str) -> str:
        """Take its message back."""
        async with self._lock(turn, name):
            known = await self._known(turn, name)
            if known is None or known.state in _OVER:
                raise BadInput(f'Nothing called "{name}" is shown here.')
            await self._revise(known.id, "", None)
            await self._store.notes.drop(*_note(turn, name))
            return f'"{name}" is taken away.'

    def _lock(self, turn: Turn, name: str) -> asyncio.Lock:
        return self._locks.setdefault(_note(turn, name), asyncio.Lock())

    async def _known(self, turn: Turn, name: str) -> Delivery | None:
        """Return the message that was shown last under this name."""
        post = await self._store.notes.get(*_note(turn, name))
        return None if post is None else await self._store.deliveries.get(post)

    async def _revise(self, post: DeliveryId, text: str, canvas: Canvas | None) -> None:
        buttons = () if canvas is None else buttons_of(canvas)
        now = self._clock.now()
        await self._store.deliveries.revise(post, text, buttons, now, canvas=canvas)


def _new(post: DeliveryId, turn: Turn, canvas: Canvas) -> NewDelivery:
    text, buttons = in_words(canvas), buttons_of(canvas)
    return NewDelivery(post, turn.conversation, text, buttons=buttons, canvas=canvas)


def _note(turn: Turn, name: str) -> tuple[str, str]:
    """Return subject and name of the note that says which delivery it is."""
    owner = lane_owner(turn.ref.lane, turn.person, turn.conversation)
    return owner, f"canvas:{turn.conversation.id}:{turn.role}:{name}"


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise BadInput('A name is 1 to 40 letters a-z, digits, "_" or "-", such as "plan".')
    return name
