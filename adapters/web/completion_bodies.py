"""Chat completions as OpenAI's clients send and read them: bodies → values → bodies. Pure.

The format is that of OpenAI's API reference, "Chat Completions" and "Models". Of a request we read
the model, the newest message and whether to stream; an agent remembers the rest by itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.domain.messages import HistoryEntry
from gateway.errors import BadInput

BETWEEN = "\n\n"
"""Between the messages of one answer."""


class _Part(BaseModel):
    type: Literal["text"]
    text: str


class _Message(BaseModel):
    role: str
    content: str | list[_Part] | None = None


class CompletionBody(BaseModel):
    """The body of `POST /v1/chat/completions`, as far as it is read."""

    model_config = ConfigDict(strict=True)

    model: str
    messages: Annotated[list[object], Field(min_length=1)]
    stream: bool | None = None
    n: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of an agent."""

    role: str
    text: str
    wants_stream: bool


def parse_completion(body: bytes) -> Asked:
    """Read a request; raises BadInput with one sentence."""
    try:
        read = CompletionBody.model_validate_json(body)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        what = f'"{place}" is missing or not of its type.' if place else "The body is not JSON."
        raise BadInput(what) from None
    if read.n not in (None, 1):
        raise BadInput('"n" can only be 1: an agent gives one answer.')
    return Asked(read.model, _text_of(read.messages[-1]), bool(read.stream))


def _text_of(newest: object) -> str:
    try:
        message = _Message.model_validate(newest, strict=True)
    except ValidationError:
        raise BadInput("The last of the messages must have a text, and nothing but text.") from None
    if message.role != "user":
        raise BadInput('The last of the messages must be of the role "user".')
    if isinstance(message.content, str):
        return message.content
    return BETWEEN.join(part.text for part in message.content or ())


@dataclass(frozen=True, slots=True)
class Completion:
    """What all bodies of one answer have in common."""

    id: str
    role: str
    created: int
    """Seconds since 1970."""

    def whole(self, text: str) -> dict[str, object]:
        """Return the answer to a request that does not stream."""
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return self._body("chat.completion", choice)

    def chunk(self, delta: dict[str, str], finish: str | None = None) -> str:
        """Return one event of a stream."""
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return event(self._body("chat.completion.chunk", choice))

    def _body(self, kind: str, choice: Mapping[str, object]) -> dict[str, object]:
        shown = {"id": self.id, "object": kind, "created": self.created, "model": self.role}
        return {**shown, "choices": [choice]}


DONE = "data: [DONE]\n\n"
"""The last event of a stream."""


def event(body: dict[str, object]) -> str:
    """Return a server-sent event without a name."""
    return f"data: {json.dumps(body, ensure_ascii=False, separators=(',', ':'))}\n\n"


def error_body(sentence: str, status: int) -> dict[str, object]:
    """Return a refusal in the form that OpenAI's clients read."""
    kind = "invalid_request_error" if 400 <= status < 500 else "server_error"
    return {"error": {"message": sentence, "type": kind, "param": None, "code": None}}


def models_body(roles: Sequence[str]) -> dict[str, object]:
    """Return the list of agents as the models that can be asked."""
    models = [
        {"id": role, "object": "model", "created": 0, "owned_by": "postern"} for role in roles
    ]
    return {"object": "list", "data": models}


def text_of(answer: Sequence[HistoryEntry]) -> str:
    """Return an answer as one text."""
    return BETWEEN.join(entry.text for entry in answer)


@dataclass(slots=True)
class Growth:
    """Tells what is new of a text that grows, to clients that can take nothing back."""

    told: str = ""
    _drafts: dict[str, str] = field(default_factory=dict[str, str])

    def grow(self, delivery: str, text: str) -> str:
        """Return what can be told after this look at a draft; empty when that is nothing."""
        self._drafts[delivery] = text
        return self._more(_for_sure(BETWEEN.join(self._drafts.values())))

    def end(self, text: str) -> str:
        """Return what is left to tell of the final text.

        Where it is not what the drafts led to, it is told whole, after a blank line.
        """
        if not text.startswith(self.told):
            return BETWEEN + text
        return self._more(text)

    def _more(self, text: str) -> str:
        if len(text) <= len(self.told) or not text.startswith(self.told):
            return ""
        more = text[len(self.told) :]
        self.told = text
        return more


def _for_sure(draft: str) -> str:
    """Leave out a last paragraph that may be about the tools at work, and will be taken away."""
    before, _, last = draft.rpartition(BETWEEN)
    return before if last.startswith(("_", "- `")) else draft
