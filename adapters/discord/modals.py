"""Windows: that of `/ask` when nothing was said with it, and those of forms on canvases. Pure."""

from __future__ import annotations

from adapters.discord.payloads import SELECT, InteractionData
from adapters.discord.rest import Json
from gateway.domain.canvases import Field, Form
from gateway.text.canvas import filled_in, said_before

_OPEN = 9
_LABEL, _TEXT_INPUT = 18, 4
_PARAGRAPH = 2
_LONGEST = 4_000
"""Characters of a text input ("Component Reference", Discord's reference)."""
_WINDOW, _FIELD = "ask", "text"
_FORM = "form:"
"""How the custom ids of forms begin; what they say follows. A field's is its label."""
_SHORT = 1
_LONGEST_LINE = 500


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


def opening_of(form: Form) -> Json:
    """Return the answer to an interaction that opens the window of a form."""
    labels = [
        {"type": _LABEL, "label": each.label, "component": _field(each)} for each in form.fields
    ]
    data = {"custom_id": f"{_FORM}{said_before(form)}", "title": form.title, "components": labels}
    return {"type": _OPEN, "data": data}


def text_of(submitted: InteractionData) -> str | None:
    """Return what was written into the window; None when it is none of ours."""
    fields = [field for part in submitted.components for field in part.fields]
    if submitted.custom_id.startswith(_FORM):
        says = submitted.custom_id.removeprefix(_FORM)
        return filled_in(says, [(field.custom_id, field.answer) for field in fields])
    if submitted.custom_id != _WINDOW:
        return None
    return next((field.value for field in fields if field.custom_id == _FIELD), None)


def _field(field: Field) -> Json:
    known: Json = {"custom_id": field.label, "required": field.required}
    if field.kind == "choice":
        options = [{"label": each, "value": each} for each in field.options]
        return {**known, "type": SELECT, "options": options}
    is_long = field.kind == "text"
    style, longest = (_PARAGRAPH, _LONGEST) if is_long else (_SHORT, _LONGEST_LINE)
    return {**known, "type": _TEXT_INPUT, "style": style, "max_length": longest}
