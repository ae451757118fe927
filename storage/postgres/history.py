"""Reading what was, over all tables and the audit log, and forgetting what it said."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from gateway.domain.audit import AuditEntry, AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.ids import ConversationId, LaneId, TurnId
from gateway.domain.messages import HistoryEntry, InboundMessage
from gateway.ports import StoreCounts
from storage.delivery_extras import read_extras
from storage.postgres.database import Database, Row, Transaction
from storage.rules import MessageState, last_older

_NEWEST = 2**62

HISTORY = """
SELECT seq, id, author, text, at, extras FROM (
    (
        SELECT seq, key AS id, 'user' AS author, text, sent_at AS at,
            NULL AS extras FROM inbox
        WHERE conversation = $1 AND seq < $2 AND state < 3 AND text <> ''
            AND kind IN ('text', 'command', 'edit') AND NOT is_private
        ORDER BY seq DESC LIMIT $3
    )
    UNION ALL
    (
        SELECT seq, id, 'assistant', text, created_at, extras FROM delivery
        WHERE conversation = $1 AND seq < $2 AND NOT is_draft AND text <> '' AND state < 4
            AND NOT is_private
        ORDER BY seq DESC LIMIT $3
    )
) AS entry ORDER BY seq DESC LIMIT $3
"""
FIND_MESSAGE = """
SELECT inbox.state, inbox.reply, turn.answers FROM inbox
LEFT JOIN turn ON turn.id = inbox.turn WHERE inbox.key = $1
"""
TURN_OF = "SELECT turn FROM inbox WHERE key = $1 AND turn IS NOT NULL"
SAID = """
SELECT seq, id, 'assistant' AS author, text, created_at AS at, extras
FROM delivery
WHERE id = ANY($1::text[]) AND text <> '' ORDER BY seq
"""
CONVERSATIONS = """
SELECT conversation FROM outbox WHERE conversation > $1 AND EXISTS (
    SELECT 1 FROM inbox
    WHERE inbox.conversation = outbox.conversation AND inbox.state < 3 AND kind <> 'wakeup'
) ORDER BY conversation LIMIT $2
"""
NEWEST_EVENTS = """
WITH RECURSIVE place (conversation) AS (
    SELECT min(conversation) FROM inbox
    WHERE conversation > $2 AND conversation < $1 || ';'
    UNION ALL
    SELECT (
        SELECT min(conversation) FROM inbox
        WHERE conversation > place.conversation AND conversation < $1 || ';'
    ) FROM place WHERE place.conversation IS NOT NULL
)
SELECT place.conversation, newest.key FROM place CROSS JOIN LATERAL (
    SELECT key FROM inbox
    WHERE inbox.conversation = place.conversation AND kind = 'text'
        AND (
            state <> 3 OR inbox.conversation NOT LIKE '%:%:%:%'
            OR inbox.conversation LIKE 'slack:%:D%'
        )
        AND key ~ '^[^:]*:[^:]*:([^:]*:[0-9]+[.])?[0-9]+$'
    ORDER BY seq DESC LIMIT 1
) AS newest LIMIT $3
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
# Taken alone for a moment, it waits for writers that drew a number and have not yet committed.
SETTLE_AUDIT = "SELECT pg_advisory_xact_lock(1349481332, hashtext(current_schema()))"
AUDIT = """
SELECT seq, at, kind, subject, ref, data FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2
"""
HEARD_SINCE = """
SELECT inbox.conversation, seq, key, 'user' AS author, text, sent_at AS at, NULL AS extras
FROM unnest($1::text[], $2::bigint[]) AS asked (conversation, cursor)
JOIN inbox ON inbox.conversation = asked.conversation AND seq > asked.cursor
WHERE state < 3 AND text <> '' AND kind IN ('text', 'command', 'edit') AND NOT is_private
ORDER BY seq LIMIT $3
"""
POSTED_SINCE = """
SELECT seq, at, kind, subject, ref, data FROM (
    SELECT * FROM audit
    WHERE subject = ANY($1::text[]) AND kind = 'delivery.stored' AND seq > $2
    UNION ALL
    SELECT * FROM audit
    WHERE subject = ANY($1::text[]) AND kind = 'delivery.revised' AND seq > $2
) AS entry ORDER BY seq LIMIT $3
"""
_EVENT = "regexp_replace({}, '^[^:]*:[^:]*:', '')"
TRAIL = f"""
SELECT seq, at, kind, subject, ref, data FROM (
    (
        SELECT * FROM audit
        WHERE ref = $1 AND kind NOT IN ('message.accepted', 'message.refused') AND seq > $2
        ORDER BY seq LIMIT $3
    )
    UNION ALL
    (
        SELECT * FROM audit WHERE subject = $1 AND ref <> $1 AND seq > $2
            AND kind NOT IN (
                'turn.run', 'turn.tool', 'turn.tool_begun', 'turn.ended',
                'delivery.claimed', 'delivery.settled', 'delivery.revised'
            )
        ORDER BY seq LIMIT $3
    )
    UNION ALL
    (
        SELECT * FROM audit
        WHERE {_EVENT.format("ref")} IN ($1, {_EVENT.format("$1")})
            AND (ref = $1 OR {_EVENT.format("ref")} = $1) AND subject <> $1 AND seq > $2
            AND kind IN ('message.accepted', 'message.refused')
        ORDER BY seq LIMIT $3
    )
) AS about ORDER BY seq LIMIT $3
"""  # noqa: S608 - constants
"""Found by its ref, for a message by the event id in it, and by what it is a part of."""
NEWEST_AUDIT = "SELECT coalesce(max(seq), 0) FROM audit"
PARKED = """
SELECT lane, (
    SELECT count(*) FROM mailbox AS busy WHERE busy.state = 2 AND busy.person = parked.person
) AS taken FROM mailbox AS parked WHERE lane = ANY($1::text[]) AND state = 3
"""
OLDEST_AUDIT = "SELECT seq, at FROM audit WHERE at IS NOT NULL ORDER BY seq LIMIT $1"
DROP_AUDIT = """
DELETE FROM audit WHERE seq IN (
    SELECT seq FROM audit WHERE seq <= $1 ORDER BY seq LIMIT $2 FOR UPDATE SKIP LOCKED
)
"""

EMPTY_DELIVERIES = """
UPDATE delivery SET text = '', handle = NULL, extras = NULL
WHERE settled_at IS NOT NULL AND settled_at < $1 AND seq IN (
    SELECT seq FROM delivery
    WHERE settled_at IS NOT NULL AND text <> '' AND settled_at < $1
    ORDER BY settled_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
"""
ENDED_TURNS = """
SELECT id FROM turn WHERE is_kept AND ended_at < $1
ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED
"""
EMPTY_MESSAGES = """
UPDATE inbox SET text = '', handle = NULL, attachments = NULL WHERE seq IN (
    SELECT seq FROM inbox WHERE turn = $1 AND (text <> '' OR attachments IS NOT NULL) LIMIT $2
)
"""
DROP_RESULTS = """
DELETE FROM tool_result WHERE seq IN (SELECT seq FROM tool_result WHERE turn = $1 LIMIT $2)
"""
DROP_APPROVALS = """
DELETE FROM approval WHERE id IN (
    SELECT id FROM approval WHERE decided_at < $1
    ORDER BY decided_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
"""
DROP_ERRANDS = """
DELETE FROM errand WHERE seq IN (
    SELECT seq FROM errand WHERE standing > 0 AND expires_at < $1
    ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
"""
DROP_PASSING = """
DELETE FROM note WHERE (subject, name) IN (
    SELECT subject, name FROM note WHERE passing_at < $1
    ORDER BY passing_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
"""
EMPTY_TURN = "UPDATE turn SET is_kept = false, error = NULL WHERE id = $1"


class PostgresHistory:
    """The HistoryStore in Postgres."""

    def __init__(self, database: Database) -> None:
        self._write = database.write
        self._read = database.read

    async def history(
        self, conversation: ConversationId, before: int | None, limit: int
    ) -> list[HistoryEntry]:
        """Return the newest `limit` entries before the cursor, oldest first."""
        cursor = _NEWEST if before is None else before
        rows = await self._read(HISTORY, conversation, cursor, limit)
        return [_to_entry(row) for row in reversed(rows)]

    async def answer(self, message: InboundMessage) -> list[HistoryEntry] | None:
        """Return what the turn of this message answered, or the reply to its refusal."""
        rows = await self._read(FIND_MESSAGE, message.idempotency_key)
        if not rows:
            return None
        state, reply, answers = rows[0]
        if state == MessageState.REFUSED:
            answers = [] if reply is None else [reply]
        if answers is None:
            return None
        return [_to_entry(row) for row in await self._read(SAID, answers)]

    async def turn_of(self, message: InboundMessage) -> TurnId | None:
        """Return the turn that this message is part of; None while it waits, or for none."""
        rows = await self._read(TURN_OF, message.idempotency_key)
        return TurnId(rows[0]["turn"]) if rows else None

    async def conversations(self, after: ConversationId | None, limit: int) -> list[Conversation]:
        """List the next ones, by id, in which a person was heard and something was posted."""
        rows = await self._read(CONVERSATIONS, after or "", limit)
        return [Conversation.parse(row["conversation"]) for row in rows]

    async def newest_events(
        self, platform: str, after: ConversationId | None = None, limit: int | None = None
    ) -> list[tuple[Conversation, str]]:
        """Return the newest plain message id of every conversation of a platform."""
        rows = await self._read(NEWEST_EVENTS, platform, after or f"{platform}:", limit)
        return [(Conversation.parse(place), key.split(":", 2)[2]) for place, key in rows]

    async def counts(self) -> StoreCounts:
        """Count what waits."""
        return StoreCounts(*(await self._read(COUNTS))[0])

    async def audit(self, after: int, limit: int) -> list[AuditEntry]:
        """Return the oldest `limit` entries of the audit log after the cursor, in order.

        Nothing is ever added before an entry that was returned.
        """
        return [_to_audit(row) for row in await self._write(_audit, after, limit)]

    async def newest_entry(self) -> int:
        """Return the place of the newest entry of the audit log; 0 while there is none."""
        return (await self._read(NEWEST_AUDIT))[0][0]

    async def heard_since(
        self, cursors: Mapping[ConversationId, int], limit: int
    ) -> list[tuple[ConversationId, HistoryEntry]]:
        """Return what people said in these conversations after each one's cursor."""
        rows = await self._read(HEARD_SINCE, list(cursors), list(cursors.values()), limit)
        return [(ConversationId(row[0]), _to_entry(row[1:])) for row in rows]

    async def posted_since(
        self, conversations: Collection[ConversationId], after: int, limit: int
    ) -> list[AuditEntry]:
        """Return the oldest `limit` entries after the cursor on deliveries there, in order."""
        rows = await self._write(_posted_since, list(conversations), after, limit)
        return [_to_audit(row) for row in rows]

    async def trail(self, thing: str, after: int, limit: int) -> list[AuditEntry]:
        """Return the oldest `limit` entries about one thing after the cursor, in order."""
        return [_to_audit(row) for row in await self._read(TRAIL, thing, after, limit)]

    async def parked(self, lanes: Sequence[LaneId]) -> dict[LaneId, int]:
        """Return which of the lanes wait for a seat, and how many turns of their person run."""
        rows = await self._read(PARKED, list(lanes))
        return {row["lane"]: row["taken"] for row in rows}

    async def retain_audit(self, before: datetime, limit: int) -> int:
        """Drop the beginning of the audit log, up to the first entry that is not older."""
        return await self._write(_retain_audit, before, limit)

    async def retain(self, before: datetime, limit: int) -> int:
        """Drop the contents of what ended before; the ids stay (T11)."""
        return await self._write(_retain, before, limit)


def _to_entry(row: Row) -> HistoryEntry:
    seq, name, author, text, at, extras = row
    if author == "user":
        name = name.split(":", 2)[2]  # platform:workspace:event id
    return HistoryEntry(name, seq, author, text, at, **read_extras(extras))


def _to_audit(row: Row) -> AuditEntry:
    seq, at, kind, subject, ref, data = row
    return AuditEntry(seq, at, AuditKind(kind), subject, ref, json.loads(data))


async def _retain_audit(tx: Transaction, before: datetime, limit: int) -> int:
    rows = await tx.fetch(OLDEST_AUDIT, limit)
    last = last_older([(seq, at) for seq, at in rows], before)
    return await tx.count(DROP_AUDIT, last, limit)


async def _audit(tx: Transaction, after: int, limit: int) -> list[Row]:
    await tx.fetch(SETTLE_AUDIT)
    return await tx.fetch(AUDIT, after, limit)


async def _posted_since(
    tx: Transaction, conversations: list[ConversationId], after: int, limit: int
) -> list[Row]:
    await tx.fetch(SETTLE_AUDIT)
    return await tx.fetch(POSTED_SINCE, conversations, after, limit)


async def _retain(tx: Transaction, before: datetime, limit: int) -> int:
    done = await tx.count(EMPTY_DELIVERIES, before, limit)
    done += await tx.count(DROP_APPROVALS, before, limit - done)
    done += await tx.count(DROP_ERRANDS, before, limit - done)
    done += await tx.count(DROP_PASSING, before, limit - done)
    for row in await tx.fetch(ENDED_TURNS, before, limit - done):
        if done >= limit:
            break
        done += await _retain_turn(tx, row["id"], limit - done)
    return done


async def _retain_turn(tx: Transaction, turn: str, limit: int) -> int:
    done = await tx.count(EMPTY_MESSAGES, turn, limit)
    done += await tx.count(DROP_RESULTS, turn, limit - done)
    if done < limit:
        await tx.count(EMPTY_TURN, turn)
        done += 1
    return done
