"""Everything of one person, over all tables: looked through, and forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.ids import PersonId, TurnId
from gateway.domain.messages import HistoryEntry
from gateway.ports import Failure, Kept, LastQuestion, Record, Said
from storage.columns import read_attachments, to_place
from storage.personal_rows import to_kept, to_record
from storage.postgres.database import Database, Row, Transaction
from storage.postgres.inbox import MESSAGE, to_message
from storage.postgres.locks import STOP_ARRIVALS, lock_lanes, lock_outboxes
from storage.postgres.posts import take_back
from storage.rules import role_of
from storage.task_rules import place_json

_RECENT = """
SELECT * FROM inbox
WHERE person = $1 AND state < 3 AND kind IN ('text', 'edit')
    AND seq < coalesce($3, 9223372036854775807) ORDER BY seq DESC LIMIT $2
"""
SAID = f"""
WITH mine AS MATERIALIZED ({_RECENT})
SELECT seq, key AS id, 'user' AS author, text, sent_at AS at, conversation
FROM mine WHERE text <> ''
UNION ALL
SELECT delivery.seq, delivery.id, 'assistant', delivery.text, delivery.created_at,
    delivery.conversation
FROM (SELECT DISTINCT turn FROM mine WHERE turn IS NOT NULL) AS asked
JOIN turn ON turn.id = asked.turn
JOIN delivery ON delivery.id = ANY(turn.answers)
WHERE delivery.text <> '' AND delivery.state < 4
ORDER BY 1 DESC
"""  # noqa: S608 - constants
AT_WORK = """
SELECT 1 FROM inbox JOIN turn ON turn.id = inbox.turn
WHERE inbox.person = $1 AND inbox.state = 1 AND turn.state = 'running'
    AND turn.lane NOT LIKE '%/commands' LIMIT 1
"""
LAST_FAILURE = f"""
SELECT turn.id, turn.ended_at FROM ({_RECENT}) AS mine JOIN turn ON turn.id = mine.turn
WHERE turn.state = 'failed' ORDER BY mine.seq DESC LIMIT 1
"""  # noqa: S608 - constants
LAST_QUESTION = f"""
SELECT {MESSAGE}, lane, (SELECT state = 'running' FROM turn WHERE turn.id = mine.turn) AS is_running
FROM ({_RECENT}) AS mine WHERE conversation = $4 AND text <> '' AND ($5 OR NOT is_private)
ORDER BY seq DESC LIMIT 1
"""  # noqa: S608 - constants
FILES = """
SELECT attachments FROM inbox WHERE person = $1 AND attachments IS NOT NULL ORDER BY seq
"""
LANES = "SELECT DISTINCT lane FROM inbox WHERE person = $1 AND state = 0"
WITHDRAW_ALL = "UPDATE inbox SET state = 4 WHERE person = $1 AND state = 0"
FORGET_WAITING = """
UPDATE mailbox SET
    first_at = (
        SELECT received_at FROM inbox WHERE inbox.lane = mailbox.lane AND inbox.state = 0
        ORDER BY seq LIMIT 1
    ),
    state = CASE
        WHEN state <> 2 AND turn IS NULL AND NOT EXISTS (
            SELECT 1 FROM inbox WHERE inbox.lane = mailbox.lane AND inbox.state = 0
        ) THEN 0
        WHEN state = 3 THEN 1
        ELSE state
    END
WHERE lane = ANY($1::text[])
"""
_TURNS = "SELECT turn FROM inbox WHERE person = $1 AND turn IS NOT NULL"
_QUESTIONS = "SELECT id FROM approval WHERE details::json ->> 'person' = $1"
PLACES = "SELECT DISTINCT conversation FROM inbox WHERE person = $1"
ALONE = """
SELECT place FROM unnest($2::text[]) AS place WHERE NOT EXISTS (
    SELECT 1 FROM inbox WHERE conversation = place AND person <> $1 AND text <> ''
)
"""
# What a turn posts has the turn's id, a dot, and a name of its own.
_POSTS = f"""
    SELECT unnest(answers) FROM turn WHERE id IN ({_TURNS})
    UNION
    SELECT post.id FROM ({_TURNS}) AS mine
    JOIN delivery AS post ON post.id > mine.turn || '.' AND post.id < mine.turn || '/'
    UNION
    SELECT reply FROM inbox WHERE person = $1 AND reply IS NOT NULL
    UNION
    SELECT 'approval-' || id FROM ({_QUESTIONS}) AS asked
    UNION
    SELECT copy.id FROM ({_QUESTIONS}) AS asked JOIN delivery AS copy
    ON copy.id > 'approval-' || asked.id || '.' AND copy.id < 'approval-' || asked.id || '/'
    UNION
    SELECT id FROM delivery WHERE conversation = ANY($2::text[])
"""  # noqa: S608 - constants
RECORD = """
WITH mine AS MATERIALIZED (
    SELECT seq, key, text, sent_at, conversation, turn, reply FROM inbox
    WHERE person = $1 AND seq < coalesce($3, 9223372036854775807) ORDER BY seq DESC LIMIT $2
), asked AS MATERIALIZED (
    SELECT DISTINCT ON (turn) turn, seq, sent_at, conversation FROM mine
    WHERE turn IS NOT NULL ORDER BY turn, seq
), post (id) AS (
    SELECT unnest(turn.answers) FROM asked JOIN turn ON turn.id = asked.turn
    UNION
    SELECT named.id FROM asked
    JOIN delivery AS named ON named.id > asked.turn || '.' AND named.id < asked.turn || '/'
    UNION
    SELECT reply FROM mine WHERE reply IS NOT NULL
    UNION
    SELECT id FROM delivery
    WHERE conversation = ANY($4::text[]) AND seq < coalesce($3, 9223372036854775807)
        AND seq >= (SELECT CASE WHEN count(*) < $2 THEN 0 ELSE min(seq) END FROM mine)
)
SELECT seq, key AS id, 'user' AS author, text, sent_at AS at, conversation FROM mine
UNION ALL
SELECT delivery.seq, delivery.id, 'assistant', delivery.text, delivery.created_at,
    delivery.conversation
FROM post JOIN delivery ON delivery.id = post.id WHERE delivery.text <> ''
UNION ALL
SELECT asked.seq, tool_result.turn || ' ' || tool_result.call, 'tool', tool_result.text,
    asked.sent_at, asked.conversation
FROM asked JOIN tool_result ON tool_result.turn = asked.turn
WHERE tool_result.text <> '' AND NOT tool_result.is_intent AND NOT EXISTS (
    SELECT 1 FROM inbox AS other WHERE other.turn = asked.turn AND other.person <> $1
)
"""
KEPT = """
SELECT 'note', name, text, NULL FROM note WHERE subject = $1
UNION ALL
SELECT 'edit', label, before, after FROM memory_edit WHERE person = $1 OR agent IN (
    SELECT agent FROM binding WHERE person = $1 AND agent IS NOT NULL
)
UNION ALL
SELECT 'question', details::json -> 'call' ->> 'name', details::json -> 'call' ->> 'arguments',
    NULL
FROM approval WHERE details::json ->> 'person' = $1
UNION ALL
SELECT 'errand', role, details::json ->> 'question', details::json ->> 'answer'
FROM errand WHERE person = $1
UNION ALL
SELECT 'token', id, label, NULL
FROM identity JOIN api_token USING (platform, workspace, account) WHERE identity.person = $1
"""
PLACES_OF_POSTS = f"""
SELECT DISTINCT conversation FROM delivery WHERE id IN ({_POSTS})
"""  # noqa: S608 - constants
OPEN_POSTS = f"""
SELECT id, conversation, state, receipt FROM delivery WHERE settled_at IS NULL AND id IN ({_POSTS})
ORDER BY seq
"""  # noqa: S608 - constants
EMPTY_POSTS = f"""
UPDATE delivery SET text = '', handle = NULL, extras = NULL, error = NULL
WHERE settled_at IS NOT NULL AND id IN ({_POSTS})
"""  # noqa: S608 - constants
EMPTY_TURNS = f"UPDATE turn SET error = NULL WHERE id IN ({_TURNS})"  # noqa: S608 - constants
DROP_TASKS = "DELETE FROM task WHERE details::json ->> 'to' = ANY($1::text[])"
DROP_BRIEFS = """
DELETE FROM note WHERE subject IN (
    SELECT 'schedule:' || id FROM schedule WHERE conversation = ANY($1::text[])
)
"""
DROP_QUESTIONS = f"DELETE FROM approval WHERE id IN ({_QUESTIONS})"  # noqa: S608 - constants
DROP_RESULTS_OF = f"DELETE FROM tool_result WHERE turn IN ({_TURNS})"  # noqa: S608 - constants
EMPTY_SAID = """
UPDATE inbox SET text = '', sender_name = '', handle = NULL, attachments = NULL
WHERE person = $1 AND (text <> '' OR sender_name <> '' OR attachments IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM turn WHERE turn.id = inbox.turn AND turn.state = 'running')
"""
EMPTY_NAMES = "UPDATE inbox SET sender_name = '' WHERE person = $1 AND sender_name <> ''"
_ACCOUNTS = "SELECT platform, workspace, account FROM identity WHERE person = $1"
_IS_MINE = f"(platform, workspace, account) IN ({_ACCOUNTS})"
DROP_PAIRINGS = f"DELETE FROM pairing WHERE {_IS_MINE}"  # noqa: S608 - constants
DROP_OFFERS_OF = f"DELETE FROM link_offer WHERE {_IS_MINE}"  # noqa: S608 - constants
DROP_TOKENS_OF = f"DELETE FROM api_token WHERE {_IS_MINE}"  # noqa: S608 - constants
DROP_TRIES_OF = f"DELETE FROM link_try WHERE {_IS_MINE}"  # noqa: S608 - constants
_AGENTS = "SELECT agent FROM binding WHERE person = $1 AND agent IS NOT NULL"
DROP_THREADS = f"DELETE FROM thread WHERE agent IN ({_AGENTS})"  # noqa: S608 - constants
DROP_SESSIONS = f"DELETE FROM session WHERE agent IN ({_AGENTS})"  # noqa: S608 - constants
DROP_EDITS = f"""
DELETE FROM memory_edit WHERE person = $1 OR agent IN ({_AGENTS})
"""  # noqa: S608 - constants
DROP_BINDINGS = "DELETE FROM binding WHERE person = $1"
DROP_NOTES = "DELETE FROM note WHERE subject = $1"
DROP_ERRANDS = "DELETE FROM errand WHERE person = $1"
DROP_IDENTITIES = "DELETE FROM identity WHERE person = $1"
DROP_PERSON = "DELETE FROM person WHERE id = $1"

_FORGET = (
    EMPTY_TURNS,
    DROP_QUESTIONS,
    DROP_RESULTS_OF,
    DROP_PAIRINGS,
    DROP_OFFERS_OF,
    DROP_TRIES_OF,
    DROP_THREADS,
    DROP_TOKENS_OF,
    DROP_SESSIONS,
    DROP_EDITS,
    DROP_BINDINGS,
    DROP_NOTES,
    DROP_ERRANDS,
    DROP_IDENTITIES,
    DROP_PERSON,
)
"""In this order: what is found by another table goes before it."""


class PostgresPersonal:
    """The PersonalStore in Postgres."""

    def __init__(self, database: Database) -> None:
        self._write = database.write
        self._read = database.read

    async def said(self, person: PersonId, limit: int, before: int | None = None) -> list[Said]:
        """Return the person's newest messages and their answers, newest first."""
        return [_to_said(row) for row in await self._read(SAID, person, limit, before)]

    async def is_at_work(self, person: PersonId) -> bool:
        """Whether an agent is at work for the person at this moment."""
        return bool(await self._read(AT_WORK, person))

    async def last_failure(self, person: PersonId, limit: int) -> Failure | None:
        """Return the newest turn that was given up, among those of the newest messages."""
        for row in await self._read(LAST_FAILURE, person, limit, None):
            return Failure(TurnId(row["id"]), row["ended_at"])
        return None

    async def last_question(
        self, person: PersonId, conversation: Conversation, limit: int, *, with_private: bool
    ) -> LastQuestion | None:
        """Return what the person said last in the conversation."""
        asked = (person, limit, None, conversation.id, with_private)
        for row in await self._read(LAST_QUESTION, *asked):
            message = replace(to_message(row), role=role_of(row["lane"]))
            return LastQuestion(message, is_open=row["is_running"] is not False)
        return None

    async def files(self, person: PersonId) -> list[str]:
        """Return the artifact keys of the files that the person sent."""
        rows = await self._read(FILES, person)
        return [each.artifact for row in rows for each in read_attachments(row["attachments"])]

    async def record(self, person: PersonId, limit: int, before: int | None = None) -> Record:
        """Return a part of all words of the person, and to them; see the port."""
        places = [to_place(row["conversation"]) for row in await self._read(PLACES, person)]
        direct = [place.id for place in places if place.is_direct]
        alone = [row["place"] for row in await self._read(ALONE, person, direct)]
        rows = await self._read(RECORD, person, limit, before, alone)
        return to_record([_to_said(row) for row in rows], limit)

    async def kept(self, person: PersonId) -> list[Kept]:
        """Return what else `forget` would drop that has words of theirs."""
        return to_kept(tuple(row) for row in await self._read(KEPT, person))

    async def exported(self, person: PersonId, key: str, now: datetime) -> None:
        """Write into the audit log that the person was given all that is kept of them."""
        await self._write(_exported, person, key, now)

    async def forget(self, person: PersonId, now: datetime) -> int | None:
        """Drop all that the person said and was answered, and who they are; see the port."""
        return await self._write(_forget, person, now)


async def _exported(tx: Transaction, person: PersonId, key: str, now: datetime) -> None:
    tx.log(AuditKind.PERSON_EXPORTED, now, person, key, {})


async def _forget(tx: Transaction, person: PersonId, now: datetime) -> int | None:
    await tx.fetch(STOP_ARRIVALS)
    lanes = [row["lane"] for row in await tx.fetch(LANES, person)]
    await lock_lanes(tx, lanes)
    # After the locks: what waits is not claimed from here on, and what was claimed is seen.
    if await tx.first(AT_WORK, person) is not None:
        return None
    await tx.count(WITHDRAW_ALL, person)
    await tx.count(FORGET_WAITING, lanes)
    count = await tx.count(EMPTY_SAID, person)
    await tx.count(EMPTY_NAMES, person)
    await _forget_posts(tx, person, now)
    for sql in _FORGET:
        await tx.count(sql, person)
    tx.log(AuditKind.PERSON_FORGOTTEN, now, person, person, {"messages": count})
    return count


async def _forget_posts(tx: Transaction, person: PersonId, now: datetime) -> None:
    """Forget what was posted for the person, and what was run or watched where they are alone."""
    places = [to_place(row["conversation"]) for row in await tx.fetch(PLACES, person)]
    direct = [place.id for place in places if place.is_direct]
    alone = [row["place"] for row in await tx.fetch(ALONE, person, direct)]
    posted = await tx.fetch(PLACES_OF_POSTS, person, alone)
    await lock_outboxes(tx, [to_place(row["conversation"]) for row in posted])
    if unsure := await tx.fetch(OPEN_POSTS, person, alone):
        await take_back(tx, unsure, now)
    await tx.count(EMPTY_POSTS, person, alone)
    await tx.count(DROP_BRIEFS, alone)
    await tx.count(DROP_TASKS, [place_json(to_place(place)) for place in alone])


def _to_said(row: Row) -> Said:
    seq, name, author, text, at, place = row
    if author == "user":
        name = name.split(":", 2)[2]  # platform:workspace:event id
    return Said(HistoryEntry(name, seq, author, text, at), to_place(place))
