"""What turns have used, the table usage; and how much people wrote of late."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime

from gateway.domain.conversations import Conversation
from gateway.domain.ids import PersonId
from gateway.domain.people import Identity, person_id_of
from gateway.domain.usage import Charge, Spent, Written
from storage.postgres.database import Database, Transaction
from storage.postgres.values import columns

# Rows are drawn in the order of their keys, so that workers never wait for each other in a circle.
CHARGE = """
INSERT INTO usage (day, person, role, schedule, turns, tokens)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
ON CONFLICT (day, person, role, schedule) DO UPDATE SET
    turns = usage.turns + excluded.turns, tokens = usage.tokens + excluded.tokens
"""
_SUM = "SELECT coalesce(sum(turns), 0)::bigint, coalesce(sum(tokens), 0)::bigint FROM usage"
OF_PERSON = f"{_SUM} WHERE day = $1 AND person = $2"
OF_AGENT = f"{_SUM} WHERE day = $1 AND role = $2"
OF_SCHEDULE = f"{_SUM} WHERE day = $1 AND schedule = $2 AND schedule <> ''"

WRITTEN = """
SELECT person, (
    SELECT CASE WHEN count(*) = $5::bigint THEN $5::bigint
        ELSE count(*) FILTER (WHERE lane IS NOT NULL AND kind IN ('text', 'edit', 'reaction')) END
    FROM (
        SELECT sent_at, lane, kind FROM inbox
        WHERE inbox.person = identity.person ORDER BY seq DESC LIMIT $5::bigint
    ) AS newest WHERE sent_at > $4
) FROM identity WHERE platform = $1 AND workspace = $2 AND account = $3
"""

WRITTEN_IN = """
SELECT CASE WHEN count(*) = $3::bigint THEN $3::bigint
    ELSE count(*) FILTER (WHERE lane IS NOT NULL AND kind IN ('text', 'edit', 'reaction')) END
FROM (
    SELECT sent_at, lane, kind FROM inbox
    WHERE conversation = $1 ORDER BY seq DESC LIMIT $3::bigint
) AS newest WHERE sent_at > $2
"""


async def add_charges(tx: Transaction, charges: Sequence[tuple[Charge, datetime]]) -> None:
    """Put down what turns have used."""
    sums: defaultdict[tuple[str, str, str, str], Spent] = defaultdict(Spent)
    for charge, now in charges:
        key = (now.date().isoformat(), charge.person, charge.role, charge.schedule)
        sums[key] = sums[key].plus(Spent(1, charge.tokens))
    if sums:
        rows = [(*key, spent.turns, spent.tokens) for key, spent in sorted(sums.items())]
        await tx.count(CHARGE, *columns(rows))


class PostgresUsage:
    """The UsageStore in Postgres."""

    def __init__(self, database: Database) -> None:
        self._read = database.read

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
        rows = await self._read(WRITTEN, *account, since, limit)
        return Written(*rows[0]) if rows else Written(person_id_of(identity), 0)

    async def written_in(self, place: Conversation, since: datetime, limit: int) -> int:
        """Count what anybody wrote in this very conversation."""
        ((count,),) = await self._read(WRITTEN_IN, place.id, since, limit)
        return int(count)

    async def _sum(self, sql: str, day: date, subject: str) -> Spent:
        return Spent(*(await self._read(sql, day.isoformat(), subject))[0])
