"""Canvases as Slack's blocks, and what a form says that is sent off. Pure.

Source: docs.slack.dev/reference/block-kit (limits), and "Block actions payload" for the state of
input blocks in messages.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import assert_never

from pydantic import TypeAdapter

from adapters.slack.buttons import actions_of
from adapters.slack.web_api import Json
from adapters.slack.wire import FieldState
from gateway.domain.canvases import Canvas, Field, Form, Image
from gateway.errors import BadInput
from gateway.text.canvas import (
    Ask,
    Frame,
    Pictures,
    Piece,
    Presses,
    Rule,
    Words,
    filled_in,
    pieces_of,
    said,
    said_before,
)
from gateway.text.slack_markdown import to_slack_markdown

MOST_BLOCKS = 50
NOTHING = "…"
"""Shown for a text of which Slack would show nothing, and refuses it."""
NOT_DRAWN = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"})
"""Slack's words for blocks that it does not show, such as a picture that it can not fetch."""
SEND = "send-form"
"""The action id of the button that sends off a form."""
_VALUE = "value"
_FORM = TypeAdapter(dict[str, dict[str, bool]])
"""What a form says, with its fields and whether each is required."""
_LONGEST_LINE, _LONGEST_TEXT = 500, 3_000


def blocks_of(canvas: Canvas) -> list[Json]:
    """Return the blocks that show it; what says it in words where it would need too many."""
    blocks = _all(pieces_of(canvas))
    drawn = blocks if len(blocks) <= MOST_BLOCKS else _all(pieces_of(said(canvas)))
    return drawn or [{"type": "markdown", "text": NOTHING}]


def said_by_form(value: str | None, state: Mapping[str, Mapping[str, FieldState]]) -> str:
    """Return what is said by sending off a form. Raises BadInput with what is missing.

    `value` is that of the pressed button, which names the form and its fields in order.
    Raises ValueError where it is none of ours.
    """
    ((says, fields),) = _FORM.validate_json(value or "").items()
    answers = {label: _answer(state.get(_block_id(label), {}).get(_VALUE)) for label in fields}
    for label, is_required in fields.items():
        if is_required and not answers[label]:
            raise BadInput(f'Please fill in "{label}" too.')
    words = filled_in(says, answers.items())
    if not words:
        raise BadInput("You filled in nothing.")
    return words


def _answer(field: FieldState | None) -> str:
    if field is None:
        return ""
    chosen = field.selected_option
    return ((chosen.value if chosen else field.value) or "").strip()


def _all(pieces: Iterable[Piece]) -> list[Json]:
    return [block for piece in pieces for block in _blocks(piece)]


def _blocks(piece: Piece) -> list[Json]:
    match piece:
        case Words(markdown):
            return _words(markdown)
        case Pictures(images):
            return [_picture(image) for image in images]
        case Rule():
            return [{"type": "divider"}]
        case Presses(buttons):
            return actions_of(buttons)
        case Ask(form):
            return _form(form)
        case Frame(_, inner):
            return _all(inner)
        case _:
            assert_never(piece)


def _words(markdown: str) -> list[Json]:
    """Return a block, unless Slack would show nothing of it and refuse it."""
    text = to_slack_markdown(markdown).strip()
    return [{"type": "markdown", "text": text}] if text else []


def _picture(image: Image) -> Json:
    return {"type": "image", "image_url": image.url, "alt_text": image.alt}


def _form(form: Form) -> list[Json]:
    fields = {field.label: field.required for field in form.fields}
    submit: Json = {
        "type": "button",
        "action_id": SEND,
        "text": _plain(form.submit),
        "value": json.dumps({said_before(form): fields}, ensure_ascii=False),
        "style": "primary",
    }
    title = _words(f"### {form.title}")
    return [*title, *map(_field, form.fields), {"type": "actions", "elements": [submit]}]


def _field(field: Field) -> Json:
    return {
        "type": "input",
        "block_id": _block_id(field.label),
        "label": _plain(field.label),
        "optional": not field.required,
        "element": _element(field),
    }


def _element(field: Field) -> Json:
    if field.kind == "choice":
        options = [{"text": _plain(each), "value": each} for each in field.options]
        return {"type": "static_select", "action_id": _VALUE, "options": options}
    is_long = field.kind == "text"
    return {
        "type": "plain_text_input",
        "action_id": _VALUE,
        "multiline": is_long,
        "max_length": _LONGEST_TEXT if is_long else _LONGEST_LINE,
    }


def _block_id(label: str) -> str:
    return f"field:{label}"


def _plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}
