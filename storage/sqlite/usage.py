"""What turns have used, the table usage; and how much people wrote of late."""

from __future__ import annotations

from datetime import date, datetime

from gateway.domain.conversations import Conversation
from gateway.domain.ids import PersonId
from gateway.domain.people import Identity, person_id_of
from gateway.domain.usage import Charge, Spent, Written
from storage.sqlite.committer import Transaction
from storage.sqlite.reader import Reader
from storage.sqlite.values import to_micros

CHARGE = """
INSERT INTO usage (day, person, role, schedule, turns, tokens) VALUES (?, ?, ?, ?, 1, ?)
ON CONFLICT (day, person, role, schedule) DO UPDATE SET
    turns = turns + 1, tokens = tokens + excluded.tokens
"""
_SUM = "SELECT coalesce(sum(turns), 0), coalesce(sum(tokens), 0) FROM usage"
OF_PERSON = f"{_SUM} WHERE day = ? AND person = ?"
OF_AGENT = f"{_SUM} INDEXED BY usage_role WHERE day = ? AND role = ?"
OF_SCHEDULE = f"{_SUM} INDEXED BY usage_schedule WHERE day = ? AND schedule = ? AND schedule <> ''"

WRITTEN = """
SELECT person, (
    SELECT CASE WHEN count(*) = ?5 THEN ?5
        ELSE count(*) FILTER (WHERE lane IS NOT NULL AND kind IN ('text', 'edit', 'reaction')) END
    FROM (
        SELECT sent_at, lane, kind FROM inbox INDEXED BY inbox_person
        WHERE inbox.person = identity.person ORDER BY seq DESC LIMIT ?5
    ) WHERE sent_at > ?4
) FROM identity WHERE platform = ?1 AND workspace = ?2 AND account = ?3
"""

WRITTEN_IN = """
SELECT CASE WHEN count(*) = ?3 THEN ?3
    ELSE count(*) FILTER (WHERE lane IS NOT NULL AND kind IN ('text', 'edit', 'reaction')) END
FROM (
    SELECT sent_at, lane, kind FROM inbox INDEXED BY inbox_conversation
    WHERE conversation = ?1 ORDER BY seq DESC LIMIT ?3
) WHERE sent_at > ?2
"""


def add_charge(tx: Transaction, charge: Charge, now: datetime) -> None:
    """Put down what a turn has used."""
    day = now.date().isoformat()
    tx.execute(CHARGE, (day, charge.person, charge.role, charge.schedule, charge.tokens))


class SqliteUsage:
    """The UsageStore in SQLite."""

    def __init__(self, reader: Reader) -> None:
        self._read = reader.read

    async def of_person(self, person: PersonId, day: date) -> Spent:
        """Sum up what the person's turns have used, with all their agents."""
        return await self._sum(OF_PERSON, day, person)

    async def of_agent(self, role: str, day: date) -> Spent:
        """Sum up what the agents of this role have used, with all people."""
        return await self._sum(OF_AGENT, day, role)

    async def of_schedule(self, schedule: str, day: date) -> Spent:
        """Sum up what the schedule's wakeups have used."""
        return await self._sum(OF_SCHEDULE, day, schedule)

    async def written(self, identity: Identity, since: datetime, limit: int) -> Written:
        """Count what its person wrote after `since`, with any account."""
        account = (identity.platform, identity.workspace, identity.user)
        rows = await self._read(WRITTEN, (*account, to_micros(since), limit))
        return Written(*rows[0]) if rows else Written(person_id_of(identity), 0)

    async def written_in(self, place: Conversation, since: datetime, limit: int) -> int:
        """Count what anybody wrote in this very conversation."""
        ((count,),) = await self._read(WRITTEN_IN, (place.id, to_micros(since), limit))
        return int(count)

    async def _sum(self, sql: str, day: date, subject: str) -> Spent:
        return Spent(*(await self._read(sql, (day.isoformat(), subject)))[0])
