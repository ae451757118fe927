"""What people send to the web door: bodies and frames → checked values → InboundMessage. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from adapters.web.sessions import Visitor
from gateway.domain.fires import read_cursor
from gateway.domain.messages import InboundMessage
from gateway.errors import BadInput

TEXT_LIMIT = 32_000
"""Characters in one message."""
HISTORY_LIMIT = 200
"""Entries in one answer of `GET /history` and `GET /activity`."""

_ROLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
_THREAD = re.compile(r"[A-Za-z0-9._-]{1,64}")
_KEY = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_SAYINGS = {
    "missing": "is missing",
    "string_type": "must be a text",
    "json_invalid": "is not valid JSON",
    "json_type": "is not valid JSON",
    "model_type": "must be a JSON object",
    "literal_error": "has a value that is not known here",
}

_Body = TypeVar("_Body", bound=BaseModel)


class ChatBody(BaseModel):
    """The body of `POST /chat`."""

    model_config = ConfigDict(strict=True)

    agent_id: str
    message: str
    user_id: str | None = None


class CodeBody(BaseModel):
    """The body of `POST /tokens`."""

    model_config = ConfigDict(strict=True)

    code: str


class PairingBody(BaseModel):
    """The body of `POST /pairings`."""

    model_config = ConfigDict(strict=True)

    code: str
    allow: bool


class ClientFrame(BaseModel):
    """The one frame that a page sends."""

    model_config = ConfigDict(strict=True)

    type: Literal["message"]
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Which part of a conversation is asked for."""

    before: int | None
    limit: int


def parse_chat(body: bytes) -> ChatBody:
    """Read the body of `POST /chat`; raises BadInput with one sentence."""
    return _parse(ChatBody, body, "The body")


def parse_code(body: bytes) -> CodeBody:
    """Read the body of `POST /tokens`; raises BadInput with one sentence."""
    return _parse(CodeBody, body, "The body")


def parse_pairing(body: bytes) -> PairingBody:
    """Read the body of `POST /pairings`; raises BadInput with one sentence."""
    return _parse(PairingBody, body, "The body")


def parse_frame(text: str) -> ClientFrame:
    """Read a frame of a page; raises BadInput with one sentence."""
    return _parse(ClientFrame, text, "The frame")


def parse_query(before: str | None, limit: str | None) -> HistoryQuery:
    """Read the query of `GET /history`; raises BadInput with one sentence."""
    return HistoryQuery(_whole_number("before", before), parse_limit(limit))


def parse_limit(limit: str | None) -> int:
    """Read how many entries are asked for, 50 by default; raises BadInput with one sentence."""
    asked = _whole_number("limit", limit)
    if asked is not None and not 1 <= asked <= HISTORY_LIMIT:
        raise BadInput(f'"limit" must be between 1 and {HISTORY_LIMIT}.')
    return asked or 50


def parse_cursor(before: str | None) -> str | None:
    """Check the cursor of `GET /activity`; raises BadInput with one sentence."""
    try:
        if before is not None:
            read_cursor(before)
    except ValueError:
        raise BadInput('"before" must be the "next" of an earlier page.') from None
    return before


def parse_after(after: str | None) -> int | None:
    """Read the cursor a page reconnects with; raises BadInput with one sentence."""
    return _whole_number("after", after)


def parse_role(role: str) -> str:
    """Check that this could name an agent; raises BadInput with one sentence."""
    if not _ROLE.fullmatch(role):
        raise BadInput(
            '"agent_id" must be the name of an agent: 1 to 64 letters, digits, ".", "_" or "-".'
        )
    return role


def parse_user(user: str) -> Visitor:
    """Check whom the admin token speaks for; raises BadInput with one sentence."""
    if not _USER.fullmatch(user):
        raise BadInput(
            '"user_id" must be 1 to 64 letters, digits, ".", "_", "@", "+" or "-", '
            "and begin with a letter or a digit."
        )
    return Visitor(user, user)


def parse_key(key: str, name: str) -> str:
    """Check an idempotency key; raises BadInput with one sentence."""
    if not _KEY.fullmatch(key):
        raise BadInput(f'{name} must be 1 to 128 letters, digits, ".", "_", ":" or "-".')
    return key


def parse_thread(name: str | None) -> str | None:
    """Check the name of a conversation beside the main one; raises BadInput with one sentence."""
    if name is None or _THREAD.fullmatch(name):
        return name
    raise BadInput('A conversation is named by 1 to 64 letters, digits, ".", "_" or "-".')


def parse_message(
    text: str,
    *,
    visitor: Visitor,
    role: str,
    key: str,
    now: datetime,
    thread: str | None = None,
) -> InboundMessage:
    """Make the message for the inbox; raises BadInput with one sentence.

    The event id carries the user, so that two users who choose the same key
    never meet in one event, and what names their conversation, for two programs of one.
    """
    author = visitor.user if thread is None else f"{visitor.user}/{thread}"
    return InboundMessage(
        event_id=f"{author}:{key}",
        conversation=visitor.conversation(role, thread),
        sender=visitor.sender,
        text=_clean(text),
        sent_at=now,
        role=role,
    )


def _clean(text: str) -> str:
    if len(text) > TEXT_LIMIT:
        raise BadInput(
            f"The message has {len(text):,} characters; {TEXT_LIMIT:,} is the most. "
            "Send it in parts."
        )
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    cleaned = "".join(c for c in lines if c in "\n\t" or unicodedata.category(c) not in _UNSEEN)
    if not cleaned.strip():
        raise BadInput("The message is empty. Write something.")
    return cleaned


_UNSEEN = {"Cc", "Cs"}
"""Control characters, which databases refuse or terminals obey, and halves of characters."""


def _parse(kind: type[_Body], source: bytes | str, what: str) -> _Body:
    try:
        return kind.model_validate_json(source)
    except ValidationError as error:
        raise BadInput(_sentence(error, what)) from error


def _sentence(error: ValidationError, what: str) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    saying = _SAYINGS.get(first["type"], f"is not acceptable: {first['msg']}")
    return f'"{field}" {saying}.' if field else f"{what} {saying}."


def _whole_number(name: str, value: str | None) -> int | None:
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and len(value) <= 18):
        raise BadInput(f'"{name}" must be a whole number.')
    return int(value)
