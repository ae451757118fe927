"""Reading what was, over all tables and the audit log, and forgetting what it said."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from gateway.domain.audit import AuditEntry, AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.ids import ConversationId, LaneId, TurnId
from gateway.domain.messages import HistoryEntry, InboundMessage
from gateway.ports import StoreCounts
from storage.delivery_extras import read_extras
from storage.rules import MessageState, last_older
from storage.sqlite.committer import Committer, Transaction
from storage.sqlite.reader import Reader
from storage.sqlite.values import from_micros, maybe_moment, to_micros

_NEWEST = 2**62

HISTORY = """
SELECT seq, id, author, text, at, extras FROM (
    SELECT * FROM (
        SELECT seq, key AS id, 'user' AS author, text, sent_at AS at,
            NULL AS extras FROM inbox
        WHERE conversation = ?1 AND seq < ?2 AND state < 3 AND text <> ''
            AND kind IN ('text', 'command', 'edit') AND is_private = 0
        ORDER BY seq DESC LIMIT ?3
    )
    UNION ALL
    SELECT * FROM (
        SELECT seq, id, 'assistant', text, created_at, extras FROM delivery
        WHERE conversation = ?1 AND seq < ?2 AND is_draft = 0 AND text <> '' AND state < 4
            AND is_private = 0
        ORDER BY seq DESC LIMIT ?3
    )
) ORDER BY seq DESC LIMIT ?3
"""
FIND_MESSAGE = """
SELECT inbox.state, inbox.reply, turn.answers FROM inbox
LEFT JOIN turn ON turn.id = inbox.turn WHERE inbox.key = ?
"""
TURN_OF = "SELECT turn FROM inbox WHERE key = ? AND turn IS NOT NULL"
SAID = """
SELECT seq, id, 'assistant', text, created_at, extras FROM delivery
WHERE id IN (SELECT value FROM json_each(?)) AND text <> '' ORDER BY seq
"""
CONVERSATIONS = """
SELECT conversation FROM outbox WHERE conversation > ? AND EXISTS (
    SELECT 1 FROM inbox
    WHERE inbox.conversation = outbox.conversation AND inbox.state < 3 AND kind <> 'wakeup'
) ORDER BY conversation LIMIT ?
"""
NEWEST_EVENTS = """
WITH RECURSIVE place (conversation) AS (
    SELECT min(conversation) FROM inbox INDEXED BY inbox_conversation
    WHERE conversation > ?2 AND conversation < ?1 || ';'
    UNION ALL
    SELECT (
        SELECT min(conversation) FROM inbox INDEXED BY inbox_conversation
        WHERE conversation > place.conversation AND conversation < ?1 || ';'
    ) FROM place WHERE place.conversation IS NOT NULL
)
SELECT conversation, (
    SELECT key FROM inbox INDEXED BY inbox_conversation
    WHERE inbox.conversation = place.conversation AND kind = 'text'
        AND (
            state <> 3 OR inbox.conversation NOT LIKE '%:%:%:%'
            OR inbox.conversation LIKE 'slack:%:D%'
        )
        AND (
            (key GLOB '*:*:[0-9]*' AND key NOT GLOB '*:*:*[^0-9]*')
            OR (
                key GLOB '*:*:*:[0-9]*.[0-9]*' AND key NOT GLOB '*:*:*:*[^0-9.]*'
                AND key NOT GLOB '*:*:*:*.*.*'
            )
        )
    ORDER BY seq DESC LIMIT 1
) AS newest FROM place WHERE newest IS NOT NULL LIMIT ?3
"""
"""Hops from conversation to conversation in the index, so that no history is walked, nor more
of them than are asked for."""
COUNTS = """
SELECT
    (SELECT count(*) FROM mailbox WHERE state = 1)
        + (SELECT count(*) FROM mailbox WHERE state = 3),
    (SELECT count(*) FROM mailbox WHERE state = 2),
    (SELECT count(*) FROM delivery WHERE state < 3),
    (SELECT count(*) FROM turn WHERE state = 'failed'),
    (SELECT count(*) FROM delivery WHERE state = 4),
    (SELECT count(*) FROM inbox WHERE state = 0)
"""
AUDIT = """
SELECT seq, at, kind, subject, ref, data FROM audit WHERE seq > ? ORDER BY seq LIMIT ?
"""
HEARD_SINCE = """
SELECT conversation, seq, inbox.key, 'user', text, sent_at, NULL
FROM json_each(?1) AS asked CROSS JOIN inbox ON conversation = asked.key AND seq > asked.value
WHERE state < 3 AND text <> '' AND inbox.kind IN ('text', 'command', 'edit') AND is_private = 0
ORDER BY seq LIMIT ?2
"""
_BEGINS = """
kind <> 'turn.ended' AND kind <> 'turn.run' AND kind <> 'delivery.claimed'
    AND kind <> 'delivery.settled' AND kind <> 'delivery.revised'
    AND kind <> 'turn.tool' AND kind <> 'turn.tool_begun'
"""
POSTED_SINCE = f"""
SELECT seq, at, kind, subject, ref, data FROM (
    SELECT audit.* FROM json_each(?1) AS asked CROSS JOIN audit ON subject = asked.value
    WHERE kind = 'delivery.stored' AND {_BEGINS} AND seq > ?2
    UNION ALL
    SELECT audit.* FROM json_each(?1) AS asked CROSS JOIN audit ON subject = asked.value
    WHERE kind = 'delivery.revised' AND seq > ?2
) ORDER BY seq LIMIT ?3
"""  # noqa: S608 - constants
_EVENT = "substr({0}, instr({0}, ':') + 1 + instr(substr({0}, instr({0}, ':') + 1), ':'))"
TRAIL = f"""
SELECT seq, at, kind, subject, ref, data FROM (
    SELECT * FROM (
        SELECT * FROM audit
        WHERE ref = ?1 AND kind NOT IN ('message.accepted', 'message.refused') AND seq > ?2
        ORDER BY seq LIMIT ?3
    )
    UNION ALL
    SELECT * FROM (
        SELECT * FROM audit WHERE subject = ?1 AND ref <> ?1 AND seq > ?2 AND {_BEGINS}
        ORDER BY seq LIMIT ?3
    )
    UNION ALL
    SELECT * FROM (
        SELECT * FROM audit
        WHERE {_EVENT.format("ref")} IN (?1, {_EVENT.format("?1")})
            AND (ref = ?1 OR {_EVENT.format("ref")} = ?1) AND subject <> ?1 AND seq > ?2
            AND kind IN ('message.accepted', 'message.refused')
        ORDER BY seq LIMIT ?3
    )
) ORDER BY seq LIMIT ?3
"""  # noqa: S608 - constants
"""Found by its ref, for a message by the event id in it, and by what it is a part of."""
NEWEST_AUDIT = "SELECT coalesce(max(seq), 0) FROM audit"
PARKED = """
SELECT lane, (
    SELECT count(*) FROM mailbox AS busy WHERE busy.state = 2 AND busy.person = parked.person
) FROM json_each(?) AS asked CROSS JOIN mailbox AS parked ON parked.lane = asked.value
WHERE parked.state = 3
"""
OLDEST_AUDIT = "SELECT seq, at FROM audit WHERE at IS NOT NULL ORDER BY seq LIMIT ?"
DROP_AUDIT = """
DELETE FROM audit WHERE seq IN (SELECT seq FROM audit WHERE seq <= ? ORDER BY seq LIMIT ?)
"""

EMPTY_DELIVERIES = """
UPDATE delivery SET text = '', handle = NULL, extras = NULL WHERE seq IN (
    SELECT seq FROM delivery
    WHERE settled_at IS NOT NULL AND text <> '' AND settled_at < ? ORDER BY settled_at LIMIT ?
)
"""
ENDED_TURNS = "SELECT id FROM turn WHERE is_kept = 1 AND ended_at < ? ORDER BY ended_at LIMIT ?"
EMPTY_MESSAGES = """
UPDATE inbox SET text = '', handle = NULL, attachments = NULL WHERE seq IN (
    SELECT seq FROM inbox WHERE turn = ? AND (text <> '' OR attachments IS NOT NULL) LIMIT ?
)
"""
DROP_RESULTS = """
DELETE FROM tool_result WHERE seq IN (SELECT seq FROM tool_result WHERE turn = ? LIMIT ?)
"""
DROP_APPROVALS = """
DELETE FROM approval WHERE id IN (
    SELECT id FROM approval
    WHERE decided_at IS NOT NULL AND decided_at < ? ORDER BY decided_at LIMIT ?
)
"""
DROP_ERRANDS = """
DELETE FROM errand WHERE seq IN (
    SELECT seq FROM errand WHERE standing > 0 AND expires_at < ? ORDER BY expires_at LIMIT ?
)
"""
DROP_PASSING = """
DELETE FROM note WHERE (subject, name) IN (
    SELECT subject, name FROM note WHERE passing_at < ? ORDER BY passing_at LIMIT ?
)
"""
EMPTY_TURN = "UPDATE turn SET is_kept = 0, error = NULL WHERE id = ?"


class SqliteHistory:
    """The HistoryStore in SQLite."""

    def __init__(self, committer: Committer, reader: Reader) -> None:
        self._write = committer.write
        self._read = reader.read

    async def history(
        self, conversation: ConversationId, before: int | None, limit: int
    ) -> list[HistoryEntry]:
        """Return the newest `limit` entries before the cursor, oldest first."""
        cursor = _NEWEST if before is None else before
        rows = await self._read(HISTORY, (conversation, cursor, limit))
        return [_to_entry(row) for row in reversed(rows)]

    async def answer(self, message: InboundMessage) -> list[HistoryEntry] | None:
        """Return what the turn of this message answered, or the reply to its refusal."""
        rows = await self._read(FIND_MESSAGE, (message.idempotency_key,))
        if not rows:
            return None
        state, reply, answers = rows[0]
        if state == MessageState.REFUSED:
            answers = json.dumps([] if reply is None else [reply])
        if answers is None:
            return None
        return [_to_entry(row) for row in await self._read(SAID, (answers,))]

    async def turn_of(self, message: InboundMessage) -> TurnId | None:
        """Return the turn that this message is part of; None while it waits, or for none."""
        rows = await self._read(TURN_OF, (message.idempotency_key,))
        return TurnId(rows[0][0]) if rows else None

    async def conversations(self, after: ConversationId | None, limit: int) -> list[Conversation]:
        """List the next ones, by id, in which a person was heard and something was posted."""
        rows = await self._read(CONVERSATIONS, (after or "", limit))
        return [Conversation.parse(place) for (place,) in rows]

    async def newest_events(
        self, platform: str, after: ConversationId | None = None, limit: int | None = None
    ) -> list[tuple[Conversation, str]]:
        """Return the newest plain message id of every conversation of a platform."""
        rows = await self._read(NEWEST_EVENTS, (platform, after or f"{platform}:", limit or -1))
        return [(Conversation.parse(place), key.split(":", 2)[2]) for place, key in rows]

    async def counts(self) -> StoreCounts:
        """Count what waits."""
        return StoreCounts(*(await self._read(COUNTS))[0])

    async def audit(self, after: int, limit: int) -> list[AuditEntry]:
        """Return the oldest `limit` entries of the audit log after the cursor, in order."""
        return [_to_audit(row) for row in await self._read(AUDIT, (after, limit))]

    async def newest_entry(self) -> int:
        """Return the place of the newest entry of the audit log; 0 while there is none."""
        return (await self._read(NEWEST_AUDIT))[0][0]

    async def heard_since(
        self, cursors: Mapping[ConversationId, int], limit: int
    ) -> list[tuple[ConversationId, HistoryEntry]]:
        """Return what people said in these conversations after each one's cursor."""
        rows = await self._read(HEARD_SINCE, (json.dumps(dict(cursors)), limit))
        return [(ConversationId(row[0]), _to_entry(row[1:])) for row in rows]

    async def posted_since(
        self, conversations: Collection[ConversationId], after: int, limit: int
    ) -> list[AuditEntry]:
        """Return the oldest `limit` entries after the cursor on deliveries there, in order."""
        asked = (json.dumps(list(conversations)), after, limit)
        return [_to_audit(row) for row in await self._read(POSTED_SINCE, asked)]

    async def trail(self, thing: str, after: int, limit: int) -> list[AuditEntry]:
        """Return the oldest `limit` entries about one thing after the cursor, in order."""
        return [_to_audit(row) for row in await self._read(TRAIL, (thing, after, limit))]

    async def parked(self, lanes: Sequence[LaneId]) -> dict[LaneId, int]:
        """Return which of the lanes wait for a seat, and how many turns of their person run."""
        return dict(await self._read(PARKED, (json.dumps(lanes),)))

    async def retain_audit(self, before: datetime, limit: int) -> int:
        """Drop the beginning of the audit log, up to the first entry that is not older."""
        return await self._write(_retain_audit, before, limit)

    async def retain(self, before: datetime, limit: int) -> int:
        """Drop the contents of what ended before; the ids stay (T11)."""
        return await self._write(_retain, to_micros(before), limit)


def _to_entry(row: tuple[Any, ...]) -> HistoryEntry:
    seq, name, author, text, at, extras = row
    if author == "user":
        name = name.split(":", 2)[2]  # platform:workspace:event id
    return HistoryEntry(name, seq, author, text, from_micros(at), **read_extras(extras))


def _to_audit(row: tuple[Any, ...]) -> AuditEntry:
    seq, at, kind, subject, ref, data = row
    return AuditEntry(seq, maybe_moment(at), AuditKind(kind), subject, ref, json.loads(data))


def _retain_audit(tx: Transaction, before: datetime, limit: int) -> int:
    rows = tx.execute(OLDEST_AUDIT, (limit,)).fetchall()
    last = last_older([(seq, from_micros(at)) for seq, at in rows], before)
    return tx.execute(DROP_AUDIT, (last, limit)).rowcount


def _retain(tx: Transaction, before: int, limit: int) -> int:
    done = tx.execute(EMPTY_DELIVERIES, (before, limit)).rowcount
    done += tx.execute(DROP_APPROVALS, (before, limit - done)).rowcount
    done += tx.execute(DROP_ERRANDS, (before, limit - done)).rowcount
    done += tx.execute(DROP_PASSING, (before, limit - done)).rowcount
    for (turn,) in tx.execute(ENDED_TURNS, (before, limit - done)).fetchall():
        if done >= limit:
            break
        done += _retain_turn(tx, turn, limit - done)
    return done


def _retain_turn(tx: Transaction, turn: str, limit: int) -> int:
    done = tx.execute(EMPTY_MESSAGES, (turn, limit)).rowcount
    done += tx.execute(DROP_RESULTS, (turn, limit - done)).rowcount
    if done < limit:
        tx.execute(EMPTY_TURN, (turn,))
        done += 1
    return done
