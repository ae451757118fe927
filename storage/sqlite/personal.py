"""Everything of one person, over all tables: looked through, and forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from gateway.domain.audit import AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.ids import PersonId, TurnId
from gateway.domain.messages import HistoryEntry
from gateway.ports import Failure, Kept, LastQuestion, Record, Said
from storage.columns import read_attachments, to_json, to_place
from storage.personal_rows import to_kept, to_record
from storage.rules import role_of
from storage.sqlite.committer import Committer, Transaction
from storage.sqlite.deliveries import take_back
from storage.sqlite.inbox import MESSAGE, forget_waiting, to_message
from storage.sqlite.reader import Reader
from storage.sqlite.values import from_micros
from storage.task_rules import place_json

_RECENT = """
SELECT * FROM inbox INDEXED BY inbox_person
WHERE person = ?1 AND state < 3 AND kind IN ('text', 'edit') AND seq < coalesce(?3, 1 << 62)
ORDER BY seq DESC LIMIT ?2
"""
SAID = f"""
WITH mine AS MATERIALIZED ({_RECENT})
SELECT seq, key, 'user', text, sent_at, conversation FROM mine WHERE text <> ''
UNION ALL
SELECT delivery.seq, delivery.id, 'assistant', delivery.text, delivery.created_at,
    delivery.conversation
FROM (SELECT DISTINCT turn FROM mine WHERE turn IS NOT NULL) AS asked
CROSS JOIN turn ON turn.id = asked.turn
CROSS JOIN json_each(turn.answers) AS answer
CROSS JOIN delivery ON delivery.id = answer.value
WHERE delivery.text <> '' AND delivery.state < 4
ORDER BY 1 DESC
"""  # noqa: S608 - constants
AT_WORK = """
SELECT 1 FROM inbox INDEXED BY inbox_person CROSS JOIN turn ON turn.id = inbox.turn
WHERE inbox.person = ? AND inbox.state = 1 AND turn.state = 'running'
    AND turn.lane NOT LIKE '%/commands' LIMIT 1
"""
LAST_FAILURE = f"""
SELECT turn.id, turn.ended_at FROM ({_RECENT}) AS mine JOIN turn ON turn.id = mine.turn
WHERE turn.state = 'failed' ORDER BY mine.seq DESC LIMIT 1
"""  # noqa: S608 - constants
LAST_QUESTION = f"""
SELECT {MESSAGE}, lane, (SELECT state = 'running' FROM turn WHERE turn.id = mine.turn)
FROM ({_RECENT}) AS mine WHERE conversation = ?4 AND text <> '' AND (?5 OR NOT is_private)
ORDER BY seq DESC LIMIT 1
"""  # noqa: S608 - constants
FILES = """
SELECT attachments FROM inbox INDEXED BY inbox_person
WHERE person = ? AND attachments IS NOT NULL ORDER BY seq
"""
WITHDRAW_ALL = """
UPDATE inbox INDEXED BY inbox_person SET state = 4 WHERE person = ? AND state = 0 RETURNING lane
"""
_TURNS = """
SELECT turn FROM inbox INDEXED BY inbox_person WHERE person = ?1 AND turn IS NOT NULL
"""
_QUESTIONS = "SELECT id FROM approval WHERE json_extract(details, '$.person') = ?1"
PLACES = "SELECT DISTINCT conversation FROM inbox INDEXED BY inbox_person WHERE person = ?1"
ALONE = """
SELECT place.value FROM json_each(?2) AS place WHERE NOT EXISTS (
    SELECT 1 FROM inbox INDEXED BY inbox_conversation
    WHERE conversation = place.value AND person <> ?1 AND text <> ''
)
"""
# What a turn posts has the turn's id, a dot, and a name of its own.
_POSTS = f"""
    SELECT answer.value FROM turn CROSS JOIN json_each(turn.answers) AS answer
    WHERE turn.id IN ({_TURNS})
    UNION
    SELECT post.id FROM ({_TURNS}) AS mine
    CROSS JOIN delivery AS post ON post.id > mine.turn || '.' AND post.id < mine.turn || '/'
    UNION
    SELECT reply FROM inbox INDEXED BY inbox_person WHERE person = ?1 AND reply IS NOT NULL
    UNION
    SELECT 'approval-' || id FROM ({_QUESTIONS})
    UNION
    SELECT copy.id FROM ({_QUESTIONS}) AS asked CROSS JOIN delivery AS copy
    ON copy.id > 'approval-' || asked.id || '.' AND copy.id < 'approval-' || asked.id || '/'
    UNION
    SELECT id FROM delivery INDEXED BY delivery_conversation
    WHERE conversation IN (SELECT value FROM json_each(?2))
"""  # noqa: S608 - constants
RECORD = """
WITH mine AS MATERIALIZED (
    SELECT seq, key, text, sent_at, conversation, turn, reply FROM inbox INDEXED BY inbox_person
    WHERE person = ?1 AND seq < coalesce(?3, 1 << 62) ORDER BY seq DESC LIMIT ?2
), asked AS MATERIALIZED (
    SELECT turn, min(seq) AS seq, sent_at, conversation FROM mine
    WHERE turn IS NOT NULL GROUP BY turn
), post (id) AS (
    SELECT answer.value FROM asked CROSS JOIN turn ON turn.id = asked.turn
    CROSS JOIN json_each(turn.answers) AS answer
    UNION
    SELECT named.id FROM asked
    CROSS JOIN delivery AS named ON named.id > asked.turn || '.' AND named.id < asked.turn || '/'
    UNION
    SELECT reply FROM mine WHERE reply IS NOT NULL
    UNION
    SELECT alone.id FROM json_each(?4) AS place
    CROSS JOIN delivery AS alone INDEXED BY delivery_conversation
    ON alone.conversation = place.value AND alone.seq < coalesce(?3, 1 << 62)
        AND alone.seq >= (SELECT iif(count(*) < ?2, 0, min(seq)) FROM mine)
)
SELECT seq, key, 'user', text, sent_at, conversation FROM mine
UNION ALL
SELECT delivery.seq, delivery.id, 'assistant', delivery.text, delivery.created_at,
    delivery.conversation
FROM post CROSS JOIN delivery ON delivery.id = post.id WHERE delivery.text <> ''
UNION ALL
SELECT asked.seq, tool_result.turn || ' ' || tool_result.call, 'tool', tool_result.text,
    asked.sent_at, asked.conversation
FROM asked CROSS JOIN tool_result ON tool_result.turn = asked.turn
WHERE tool_result.text <> '' AND tool_result.is_intent = 0 AND NOT EXISTS (
    SELECT 1 FROM inbox AS other WHERE other.turn = asked.turn AND other.person <> ?1
)
"""
KEPT = """
SELECT 'note', name, text, NULL FROM note WHERE subject = ?1
UNION ALL
SELECT 'edit', label, before, after FROM memory_edit WHERE person = ?1 OR agent IN (
    SELECT agent FROM binding WHERE person = ?1 AND agent IS NOT NULL
)
UNION ALL
SELECT 'question', json_extract(details, '$.call.name'), json_extract(details, '$.call.arguments'),
    NULL
FROM approval WHERE json_extract(details, '$.person') = ?1
UNION ALL
SELECT 'errand', role, json_extract(details, '$.question'), json_extract(details, '$.answer')
FROM errand WHERE person = ?1
UNION ALL
SELECT 'token', id, label, NULL
FROM identity CROSS JOIN api_token USING (platform, workspace, account) WHERE identity.person = ?1
"""
OPEN_POSTS = f"""
SELECT id, conversation, state, receipt FROM delivery WHERE settled_at IS NULL AND id IN ({_POSTS})
ORDER BY seq
"""  # noqa: S608 - constants
EMPTY_POSTS = f"""
UPDATE delivery SET text = '', handle = NULL, extras = NULL, error = NULL
WHERE settled_at IS NOT NULL AND id IN ({_POSTS})
"""  # noqa: S608 - constants
EMPTY_TURNS = f"UPDATE turn SET error = NULL WHERE id IN ({_TURNS})"  # noqa: S608 - constants
DROP_TASKS = """
DELETE FROM task WHERE json_extract(details, '$.to') IN (SELECT value FROM json_each(?2))
"""
DROP_BRIEFS = """
DELETE FROM note WHERE subject IN (
    SELECT 'schedule:' || id FROM schedule
    WHERE conversation IN (SELECT value FROM json_each(?2))
)
"""
DROP_QUESTIONS = f"DELETE FROM approval WHERE id IN ({_QUESTIONS})"  # noqa: S608 - constants
DROP_RESULTS_OF = f"DELETE FROM tool_result WHERE turn IN ({_TURNS})"  # noqa: S608 - constants
EMPTY_SAID = """
UPDATE inbox INDEXED BY inbox_person SET
    text = '', sender_name = '', handle = NULL, attachments = NULL
WHERE person = ?1 AND (text <> '' OR sender_name <> '' OR attachments IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM turn WHERE turn.id = inbox.turn AND turn.state = 'running')
"""
EMPTY_NAMES = """
UPDATE inbox INDEXED BY inbox_person SET sender_name = '' WHERE person = ?1 AND sender_name <> ''
"""
_ACCOUNTS = "SELECT platform, workspace, account FROM identity WHERE person = ?1"
_IS_MINE = f"(platform, workspace, account) IN ({_ACCOUNTS})"
DROP_PAIRINGS = f"DELETE FROM pairing WHERE {_IS_MINE}"  # noqa: S608 - constants
DROP_OFFERS_OF = f"DELETE FROM link_offer WHERE {_IS_MINE}"  # noqa: S608 - constants
DROP_TOKENS_OF = f"DELETE FROM api_token WHERE {_IS_MINE}"  # noqa: S608 - constants
DROP_TRIES_OF = f"DELETE FROM link_try WHERE {_IS_MINE}"  # noqa: S608 - constants
_AGENTS = "SELECT agent FROM binding WHERE person = ?1 AND agent IS NOT NULL"
DROP_THREADS = f"DELETE FROM thread WHERE agent IN ({_AGENTS})"  # noqa: S608 - constants
DROP_SESSIONS = f"DELETE FROM session WHERE agent IN ({_AGENTS})"  # noqa: S608 - constants
DROP_EDITS = f"""
DELETE FROM memory_edit WHERE person = ?1 OR agent IN ({_AGENTS})
"""  # noqa: S608 - constants
DROP_BINDINGS = "DELETE FROM binding WHERE person = ?1"
DROP_NOTES = "DELETE FROM note WHERE subject = ?1"
DROP_ERRANDS = "DELETE FROM errand WHERE person = ?1"
DROP_IDENTITIES = "DELETE FROM identity WHERE person = ?1"
DROP_PERSON = "DELETE FROM person WHERE id = ?1"

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


class SqlitePersonal:
    """The PersonalStore in SQLite."""

    def __init__(self, committer: Committer, reader: Reader) -> None:
        self._write = committer.write
        self._read = reader.read

    async def said(self, person: PersonId, limit: int, before: int | None = None) -> list[Said]:
        """Return the person's newest messages and their answers, newest first."""
        return [_to_said(row) for row in await self._read(SAID, (person, limit, before))]

    async def is_at_work(self, person: PersonId) -> bool:
        """Whether an agent is at work for the person at this moment."""
        return bool(await self._read(AT_WORK, (person,)))

    async def last_failure(self, person: PersonId, limit: int) -> Failure | None:
        """Return the newest turn that was given up, among those of the newest messages."""
        for turn, ended_at in await self._read(LAST_FAILURE, (person, limit, None)):
            return Failure(TurnId(turn), from_micros(ended_at))
        return None

    async def last_question(
        self, person: PersonId, conversation: Conversation, limit: int, *, with_private: bool
    ) -> LastQuestion | None:
        """Return what the person said last in the conversation."""
        asked = (person, limit, None, conversation.id, int(with_private))
        for *columns, lane, is_running in await self._read(LAST_QUESTION, asked):
            message = replace(to_message(tuple(columns)), role=role_of(lane))
            return LastQuestion(message, is_open=is_running is None or bool(is_running))
        return None

    async def files(self, person: PersonId) -> list[str]:
        """Return the artifact keys of the files that the person sent."""
        rows = await self._read(FILES, (person,))
        return [each.artifact for (written,) in rows for each in read_attachments(written)]

    async def record(self, person: PersonId, limit: int, before: int | None = None) -> Record:
        """Return a part of all words of the person, and to them; see the port."""
        places = [to_place(place) for (place,) in await self._read(PLACES, (person,))]
        direct = to_json([place.id for place in places if place.is_direct])
        alone = [place for (place,) in await self._read(ALONE, (person, direct))]
        rows = await self._read(RECORD, (person, limit, before, to_json(alone)))
        return to_record([_to_said(row) for row in rows], limit)

    async def kept(self, person: PersonId) -> list[Kept]:
        """Return what else `forget` would drop that has words of theirs."""
        return to_kept(await self._read(KEPT, (person,)))

    async def exported(self, person: PersonId, key: str, now: datetime) -> None:
        """Write into the audit log that the person was given all that is kept of them."""
        await self._write(_exported, person, key, now)

    async def forget(self, person: PersonId, now: datetime) -> int | None:
        """Drop all that the person said and was answered, and who they are; see the port."""
        return await self._write(_forget, person, now)


def _exported(tx: Transaction, person: PersonId, key: str, now: datetime) -> None:
    tx.log(AuditKind.PERSON_EXPORTED, now, person, key, {})


def _forget(tx: Transaction, person: PersonId, now: datetime) -> int | None:
    if tx.execute(AT_WORK, (person,)).fetchone() is not None:
        return None
    lanes = {lane for (lane,) in tx.execute(WITHDRAW_ALL, (person,)).fetchall()}
    for lane in sorted(lanes):
        forget_waiting(tx, lane)
    count = tx.execute(EMPTY_SAID, (person,)).rowcount
    tx.execute(EMPTY_NAMES, (person,))
    _forget_posts(tx, person, now)
    for sql in _FORGET:
        tx.execute(sql, (person,))
    tx.log(AuditKind.PERSON_FORGOTTEN, now, person, person, {"messages": count})
    return count


def _forget_posts(tx: Transaction, person: PersonId, now: datetime) -> None:
    """Forget what was posted for the person, and what was run or watched where they are alone."""
    places = [to_place(place) for (place,) in tx.execute(PLACES, (person,)).fetchall()]
    direct = to_json([place.id for place in places if place.is_direct])
    alone = [place for (place,) in tx.execute(ALONE, (person, direct)).fetchall()]
    where = (person, to_json(alone))
    for row in tx.execute(OPEN_POSTS, where).fetchall():
        take_back(tx, row, now)
    tx.execute(EMPTY_POSTS, where)
    tx.execute(DROP_BRIEFS, where)
    tx.execute(DROP_TASKS, (person, to_json([place_json(to_place(place)) for place in alone])))


def _to_said(row: tuple[Any, ...]) -> Said:
    seq, name, author, text, at, place = row
    if author == "user":
        name = name.split(":", 2)[2]  # platform:workspace:event id
    return Said(HistoryEntry(name, seq, author, text, from_micros(at)), to_place(place))
