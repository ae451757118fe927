"""The window that `/ask` opens when nothing was said with it. Pure."""

from __future__ import annotations

from adapters.discord.payloads import InteractionData
from adapters.discord.rest import Json

_OPEN = 9
_LABEL, _TEXT_INPUT = 18, 4
_PARAGRAPH = 2
_LONGEST = 4_000
"""Characters of a text input ("Component Reference", Discord's reference)."""
_WINDOW, _FIELD = "ask", "text"


def opening() -> Json:
    """Return the answer to an interaction that opens the window."""
    field: Json = {
        "type": _TEXT_INPUT,
        "custom_id": _FIELD,
        "style": _PARAGRAPH,
        "required": True,
        "max_length": _LONGEST,
    }
    label: Json = {"type": _LABEL, "label": "What do you want to say?", "component": field}
    data = {"custom_id": _WINDOW, "title": "Ask your agent", "components": [label]}
    return {"type": _OPEN, "data": data}


def text_of(submitted: InteractionData) -> str | None:
    """Return what was written into the window; None when it is none of ours."""
    if submitted.custom_id != _WINDOW:
        return None
    fields = [field for part in submitted.components for field in part.fields]
    return next((field.value for field in fields if field.custom_id == _FIELD), None)
