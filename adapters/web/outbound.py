"""What the web door says: deliveries, history and states → JSON frames and bodies. Pure.

The frames are described in `stream.py`. A page gets HTML that is safe to
insert; a terminal (`?format=text`) gets the Markdown as it is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from html import escape

from adapters.web.canvas import canvas_html
from adapters.web.markdown import safe_html
from adapters.web.pages import Draft, Frame
from gateway.domain.artifacts import Attachment
from gateway.domain.canvases import Canvas
from gateway.domain.deliveries import Button, Delivery
from gateway.domain.ids import DeliveryId
from gateway.domain.messages import HistoryEntry

SPLIT_CHARACTERS = 30_000
"""Longest text of one message. Pages have no such limit; rendering time has."""


def split_text(text: str) -> list[str]:
    """Cut only what is absurdly long; earlier parts never change as the text grows."""
    parts: list[str] = []
    while len(text) > SPLIT_CHARACTERS:
        end = _cut(text)
        parts.append(text[:end])
        text = text[end:]
    return [*parts, text]


def _cut(text: str) -> int:
    for border in ("\n\n", "\n", " "):
        end = text.rfind(border, SPLIT_CHARACTERS // 2, SPLIT_CHARACTERS)
        if end != -1:
            return end + len(border)
    return SPLIT_CHARACTERS


@dataclass(frozen=True, slots=True)
class Extras:
    """What is shown under a message: what can be pressed and fetched; or instead of its text."""

    buttons: tuple[Button, ...] = ()
    files: tuple[Attachment, ...] = ()
    canvas: Canvas | None = None

    def fields(self, delivery: str) -> dict[str, object]:
        """Return the fields of the message; none for what it does not have."""
        buttons = [
            {"label": each.label, "says": each.says, "style": each.style.value}
            for each in self.buttons
        ]
        files = [_file(each, f"files/{delivery}/{at}") for at, each in enumerate(self.files)]
        return {
            **({} if self.canvas is None else {"canvas": True}),
            **({"buttons": buttons} if buttons else {}),
            **({"files": files} if files else {}),
        }


def _file(file: Attachment, url: str) -> dict[str, object]:
    shown: dict[str, object] = {"name": file.name, "url": url, "bytes": file.size_bytes}
    return {**shown, "picture": True} if file.is_picture else shown


def message_frame(
    entry_id: str,
    role: str,
    text: str,
    at: datetime,
    cursor: int | None = None,
    *,
    extras: Extras = Extras(),
) -> Frame:
    """Show one whole message; the page replaces what it shows under this id."""
    body: dict[str, object] = {
        "type": "message",
        "id": entry_id,
        "role": role,
        "text": text,
        "cursor": cursor,
        "at": at.isoformat(),
        **extras.fields(entry_id),
    }
    return Frame(_dump({**body, "html": html_of(role, text, extras.canvas)}), _dump(body))


def said_event(entry: HistoryEntry) -> str:
    """Return the plain frame of what a person said; nothing is rendered."""
    body = {"type": "message", "id": entry.id, "role": entry.author, "text": entry.text}
    return _dump({**body, "at": entry.at.isoformat()})


def posted_event(delivery: Delivery) -> str:
    """Return the plain frame of a post as the store has it; nothing is rendered."""
    if not delivery.text:
        return _dump({"type": "removed", "id": delivery.id})
    body = {"type": "message", "id": delivery.id, "role": "assistant", "text": delivery.text}
    extras = Extras(delivery.buttons, delivery.files, delivery.canvas).fields(delivery.id)
    return _dump({**body, "at": delivery.created_at.isoformat(), **extras})


def history_frame(entry: HistoryEntry) -> Frame:
    """Show one message that a page missed."""
    extras = Extras(entry.buttons, entry.files, entry.canvas)
    return message_frame(entry.id, entry.author, entry.text, entry.at, entry.cursor, extras=extras)


def history_item(entry: HistoryEntry) -> dict[str, object]:
    """Return one message of `GET /history`."""
    return {
        "id": entry.id,
        "role": entry.author,
        "text": entry.text,
        "html": html_of(entry.author, entry.text, entry.canvas),
        "cursor": entry.cursor,
        "at": entry.at.isoformat(),
        **Extras(entry.buttons, entry.files, entry.canvas).fields(entry.id),
    }


def chat_item(entry: HistoryEntry) -> dict[str, object]:
    """Return one message of the answer to `POST /chat`; clients of Letta know its last fields."""
    return {
        "id": entry.id,
        "role": entry.author,
        "text": entry.text,
        "message_type": "assistant_message",
        "content": entry.text,
    }


def html_of(role: str, text: str, canvas: Canvas | None = None) -> str:
    """Render what the agent wrote; what people wrote is shown as they typed it."""
    if canvas is not None:
        return canvas_html(canvas)
    if role == "assistant":
        return safe_html(text)
    return "<p>" + escape(text).replace("\n", "<br>") + "</p>"


def final_frame(delivery: Delivery) -> Frame:
    """Show the delivery as the store has it; an empty text takes it away."""
    if not delivery.text:
        return _both({"type": "removed", "id": delivery.id})
    extras = Extras(delivery.buttons, delivery.files, delivery.canvas)
    at = delivery.created_at
    return message_frame(delivery.id, "assistant", delivery.text, at, extras=extras)


def draft_of(delivery: DeliveryId, text: str) -> tuple[Draft, Draft]:
    """Return the growing answer for pages and for terminals, rendered when it is wanted."""

    def html(markdown: str) -> str:
        return _dump({"type": "draft", "id": delivery, "html": safe_html(markdown)})

    def plain(markdown: str) -> str:
        return _dump({"type": "draft", "id": delivery, "text": markdown})

    return Draft(text, html), Draft(text, plain)


def hello_frame(cursor: int, *, has_gap: bool) -> str:
    """Greet a page: how far history goes, and whether more was missed than will follow."""
    return _dump({"type": "hello", "cursor": cursor, "gap": has_gap})


def typing_frame(*, is_on: bool) -> Frame:
    """Say whether the agent is at work."""
    return _both({"type": "typing", "on": is_on})


def accepted_frame(client_id: str, entry_id: str) -> str:
    """Acknowledge a message: it is in the store."""
    return _dump({"type": "accepted", "id": client_id, "message": entry_id})


def error_frame(sentence: str, client_id: str | None = None, *, may_retry: bool = False) -> str:
    """Say that a frame was not accepted; with its id when it had one."""
    return _dump({"type": "error", "id": client_id, "text": sentence, "retry": may_retry})


def _both(body: dict[str, object]) -> Frame:
    text = _dump(body)
    return Frame(text, text)


def _dump(body: dict[str, object]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
