"""Compaction: what scrolls out of a conversation's window is summarised first.

Messages are never removed: listings and searches still find every one of them.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Protocol

from agents.embedded.errors import ModelError
from agents.embedded.models.model import Model, ModelRequest, TextDelta, UsageCounted
from agents.embedded.models.reading import text_of
from agents.embedded.models.skills import find_facts
from agents.embedded.records import (
    AssistantSaid,
    Compacted,
    Message,
    SystemSaid,
    ToolsReturned,
    Usage,
    UserSaid,
)
from agents.embedded.steps.context import Overflow
from agents.embedded.steps.window import Room, shorter, turn_opening
from agents.embedded.store import messages, summaries
from agents.embedded.store.database import Database

log = logging.getLogger(__name__)

_CHUNK_OF_WINDOW: Final = 1.2
"""Bytes of transcript given at once for each token of the window: well below the limit."""
_FACTS: Final = "Facts:"
_TALK: Final = "Talked about:"

INSTRUCTIONS: Final = (
    "You keep the memory of a conversation between a person and their agent. Below is the summary "
    "so far, then what was said after it. Write the new summary that replaces both: names, facts, "
    "preferences, dates, decisions, promises and open questions first, then the course of the "
    "conversation in a few sentences. Keep what the old summary knows. Write plain text in the "
    "language of the conversation, and nothing but the summary."
)


@dataclass(frozen=True, slots=True)
class Summary:
    """What replaces the older messages, and the tokens it took to write it."""

    text: str
    usage: Usage = field(default_factory=Usage)


class Compactor:
    """Stores a summary in the place of what no longer fits."""

    def __init__(self, database: Database, summariser: Summariser, window: int) -> None:
        self._database = database
        self._summariser = summariser
        self.window = window
        """The server's own window, in tokens; agents and conversations may have smaller ones."""

    async def compact(self, old: str, full: Overflow) -> Summary:
        """Summarise these messages, together with the summary before them; gives the new one."""
        made = await self._summariser.summarise(old, full.history, full.summary_limit)
        last, moment = full.history[-1], datetime.now(UTC).isoformat()
        await self._database.write(
            lambda db: summaries.insert(db, last.conversation_id, made.text, last.id, moment)
        )
        count = len(full.history)
        log.info("compacted", extra={"conversation": last.conversation_id, "messages": count})
        return made

    async def compact_now(self, conversation_id: str) -> Compacted:
        """Summarise everything before the last thing somebody said, full or not."""

        def read(db: sqlite3.Connection) -> tuple[str, list[Message]]:
            old = summaries.newest(db, conversation_id)
            history = messages.after(db, conversation_id, old.covers_to if old else 0)
            return old.text if old else "", history

        old, history = await self._database.read(read)
        count = turn_opening(history)
        if not count:
            return Compacted(len(history), len(history), old)
        limit = Room(self.window // 2).summary_characters
        made = await self.compact(old, Overflow(tuple(history[:count]), limit))
        return Compacted(len(history), len(history) - count + 1, made.text)


class Summariser(Protocol):
    """Makes one text of what a conversation was about."""

    async def summarise(self, old: str, history: Sequence[Message], limit: int) -> Summary:
        """The summary that replaces `old`, with this history in it; `limit` in bytes."""
        ...


class ExtractSummariser:
    """Deterministic: every fact somebody told, and the newest topics that still fit."""

    async def summarise(self, old: str, history: Sequence[Message], limit: int) -> Summary:
        """Facts go in first; topics are dropped from the oldest on."""
        # Hundreds of messages take tens of milliseconds: other turns go on meanwhile.
        return Summary(await asyncio.to_thread(extract, old, history, limit))


class ModelSummariser:
    """Asks the configured model, part by part; when it cannot, extracts instead."""

    def __init__(self, model: Model, model_name: str, window: int) -> None:
        self._model = model
        self._model_name = model_name
        self._chunk_bytes = max(1000, int(window * _CHUNK_OF_WINDOW))

    async def summarise(self, old: str, history: Sequence[Message], limit: int) -> Summary:
        """One call of the model for each part of the history that its window holds."""
        text, used = old, Usage()
        for part in _parts(history, self._chunk_bytes):
            try:
                made = await self._ask(text, part, limit)
                text, used = shorter(made.text, limit), used.plus(made.usage)
            except ModelError as error:
                log.warning("summary_by_model_failed", extra={"kind": error.kind})
                text = extract(text, part, limit)
        return Summary(text, used)

    async def _ask(self, old: str, history: Sequence[Message], limit: int) -> Summary:
        said = shorter(transcript(history), self._chunk_bytes)
        question = f"Summary so far:\n{old or '(none)'}\n\nSaid since:\n{said}"
        request = ModelRequest(
            model=self._model_name,
            system=f"{INSTRUCTIONS} Use at most {limit // 6} words.",
            messages=(_question(question, history[-1]),),
            tools=(),
            blocks=(),
            settings={},
        )
        text, used = "", Usage()
        async with aclosing(self._model.stream(request)) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    text += event.text
                elif isinstance(event, UsageCounted):
                    used = used.plus(event.usage)
        return Summary(text.strip() or extract(old, history, limit), used)


def extract(old: str, history: Sequence[Message], limit: int) -> str:
    """A summary without a model: facts, then first sentences, newest last, within the limit."""
    facts, talk = _read_extract(old)
    for message in history:
        if isinstance(message.body, UserSaid):
            said = text_of(message.body.content)
            facts += [fact.line.removeprefix("- ") for fact in find_facts(said)]
            talk.append(_first_sentence(said))
    facts = list(dict.fromkeys(facts))
    size, kept = _written(facts, []), list[str]()
    for topic in reversed(list(dict.fromkeys(talk))):
        size += len(topic.encode()) + 3
        if size > limit:
            break
        kept.append(topic)
    return shorter(_render(facts, kept[::-1]), limit)


def _written(facts: list[str], talk: list[str]) -> int:
    return len(_render(facts, talk).encode()) + len(_TALK) + 1


def _render(facts: list[str], talk: list[str]) -> str:
    lines = [_FACTS, *[f"- {fact}" for fact in facts]] if facts else []
    lines += [_TALK, *[f"- {topic}" for topic in talk]] if talk else []
    return "\n".join(lines)


def _read_extract(text: str) -> tuple[list[str], list[str]]:
    """The facts and topics of an extract; of any other text its lines as facts."""
    before, found, after = text.partition(_TALK) if _TALK in text else (text, "", "")
    facts = before.removeprefix(_FACTS)
    return _items(facts), _items(after) if found else []


def _items(text: str) -> list[str]:
    return [line.removeprefix("- ") for line in text.strip().splitlines() if line.strip()]


def _first_sentence(text: str) -> str:
    line = text.strip().split("\n", 1)[0]
    return line if len(line) <= 120 else f"{line[:119]}…"


def transcript(history: Sequence[Message]) -> str:
    """Who said what, one paragraph each."""
    return "\n\n".join(line for message in history if (line := _line(message)))


def _line(message: Message) -> str:
    body = message.body
    match body:
        case UserSaid(content):
            return f"Person: {text_of(content)}"
        case SystemSaid(content):
            return f"Program: {text_of(content)}"
        case AssistantSaid(text):
            calls = "".join(f" [used {call.name} {call.arguments}]" for call in body.calls)
            return f"Agent: {text}{calls}" if text or calls else ""
        case ToolsReturned(returns):
            return "\n".join(f"Tool {item.name}: {item.text}" for item in returns)


def _parts(history: Sequence[Message], size: int) -> list[list[Message]]:
    parts: list[list[Message]] = [[]]
    left = size
    for message in history:
        left -= len(_line(message).encode("utf-8", "replace"))
        if left < 0 and parts[-1]:
            parts.append([])
            left = size
        parts[-1].append(message)
    return [part for part in parts if part]


def _question(text: str, like: Message) -> Message:
    return replace(like, body=UserSaid(text))
