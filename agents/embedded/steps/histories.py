"""The windows of conversations, kept from step to step: only what was added is read again."""

import sqlite3
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from agents.embedded.records import Message
from agents.embedded.steps.window import message_tokens
from agents.embedded.store import conversations, messages

_LIMIT_BYTES: Final = 8_000_000
_MESSAGE_BYTES: Final = 1000
"""What a message takes beside its text, roughly."""


@dataclass(frozen=True, slots=True)
class History:
    """What was said in a conversation after its summary, oldest first."""

    messages: tuple[Message, ...]
    tokens: int


@dataclass(slots=True)
class _Kept:
    """A window as it was read last."""

    mark: tuple[int, int]
    """How often the conversation was rewritten, and where its summary ends."""
    position: int
    messages: list[Message] = field(default_factory=list[Message])
    tokens: int = 0
    size: int = 0


class Histories:
    """Reads windows, and keeps those that were read last, some megabytes of them.

    For one thread only, and for what is committed: what was kept is never older than the
    database. A message that changes or goes changes the mark, and added ones are read every time.
    """

    def __init__(self, limit_bytes: int = _LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._size = 0

    def read(self, db: sqlite3.Connection, conversation_id: str, covers_to: int) -> History:
        """The window behind the position that the summary covers."""
        mark = (conversations.rewritten(db, conversation_id), covers_to)
        kept = self._kept.pop(conversation_id, None)
        if kept is not None:
            self._size -= kept.size
        if kept is None or kept.mark != mark:
            kept = _Kept(mark, covers_to)
        for placed in messages.placed_after(db, conversation_id, kept.position):
            kept.position = placed.position
            kept.messages.append(placed.message)
            kept.tokens += message_tokens(placed.message)
            kept.size += placed.size + _MESSAGE_BYTES
        self._keep(conversation_id, kept)
        return History(tuple(kept.messages), kept.tokens)

    def _keep(self, conversation_id: str, kept: _Kept) -> None:
        self._kept[conversation_id] = kept
        self._size += kept.size
        while self._size > self._limit_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._size -= dropped.size
