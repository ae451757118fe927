"""Reading what was."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.domain.audit import AuditEntry
from gateway.domain.conversations import Conversation
from gateway.domain.ids import ConversationId, LaneId, TurnId
from gateway.domain.messages import HistoryEntry, InboundMessage


@dataclass(frozen=True, slots=True)
class StoreCounts:
    """How much of everything waits; for `/metrics` and `status`."""

    lanes_ready: int
    turns_running: int
    deliveries_open: int
    turns_failed: int
    deliveries_failed: int
    messages_waiting: int
    """In no turn yet, whichever lane they wait in."""


class HistoryStore(Protocol):
    """Reading what was. Never in the way of writers."""

    async def history(
        self, conversation: ConversationId, before: int | None, limit: int
    ) -> list[HistoryEntry]:
        """Return the newest `limit` entries before the cursor, oldest first.

        An answer is in it from the commit that ended its turn, sent or not; a draft is not.
        What only one person saw in a channel is not either: others read its history.
        """
        ...

    async def answer(self, message: InboundMessage) -> list[HistoryEntry] | None:
        """Return what the turn of this message answered, or the reply to its refusal.

        Found by (platform, workspace, event id), so that a door can wait for its
        own answer and give it again to a repeated request. Empty when there was
        nothing to say; None while the turn is not over, and for an unknown message.
        """
        ...

    async def turn_of(self, message: InboundMessage) -> TurnId | None:
        """Return the turn that this message is part of; None while it waits, or for none.

        A turn that began to answer it is its turn for good.
        """
        ...

    async def conversations(self, after: ConversationId | None, limit: int) -> list[Conversation]:
        """List the next ones, by id, in which a person was heard and something was posted."""
        ...

    async def newest_events(
        self, platform: str, after: ConversationId | None = None, limit: int | None = None
    ) -> list[tuple[Conversation, str]]:
        """Return the newest plain message id of every conversation of a platform, by conversation.

        At most `limit` of them, from the one behind `after` on.

        Only ids that are digits throughout count, as Discord's are, or a channel and a
        moment, as Slack's are ("D1:171.5"): what was sent after one is what a restart
        has missed. Refused messages count too, but not in threads of channels: a bot takes
        part in none where nobody was heard.
        """
        ...

    async def counts(self) -> StoreCounts:
        """Count what waits."""
        ...

    async def audit(self, after: int, limit: int) -> list[AuditEntry]:
        """Return the oldest `limit` entries of the audit log after the cursor, in order."""
        ...

    async def newest_entry(self) -> int:
        """Return the place of the newest entry of the audit log; 0 while there is none."""
        ...

    async def heard_since(
        self, cursors: Mapping[ConversationId, int], limit: int
    ) -> list[tuple[ConversationId, HistoryEntry]]:
        """Return what people said in these conversations after each one's cursor.

        The oldest `limit` entries of them all, in order; each is one of `history`.
        """
        ...

    async def posted_since(
        self, conversations: Collection[ConversationId], after: int, limit: int
    ) -> list[AuditEntry]:
        """Return the oldest `limit` entries after the cursor on deliveries there, in order.

        Those that tell of a new delivery, or of another text of one. As with `audit`,
        nothing is ever added before one that was returned, nor before what was the newest
        entry of the log when this was called.
        """
        ...

    async def trail(self, thing: str, after: int, limit: int) -> list[AuditEntry]:
        """Return the oldest `limit` entries about one thing after the cursor, in order.

        It is named by what stands as `ref`; a message also by its event id alone, which
        may be that of messages of several platforms. What stands as `subject`, such as
        a lane, names all but STEPS: those are found by the names of their turns and
        deliveries.
        """
        ...

    async def parked(self, lanes: Sequence[LaneId]) -> dict[LaneId, int]:
        """Return which of the lanes wait for a seat, and how many turns of their person run."""
        ...

    async def retain_audit(self, before: datetime, limit: int) -> int:
        """Drop the beginning of the audit log, up to the first entry that is not older.

        At most `limit` rows in one commit; returns how many, 0 when none is left.
        """
        ...

    async def retain(self, before: datetime, limit: int) -> int:
        """Drop the contents of what ended before; the ids stay, so that repeats stay known (T11).

        Notes go too that were about an earlier moment and pass.
        At most `limit` rows in one commit; returns how many, 0 when none is left.
        """
        ...
