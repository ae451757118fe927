"""What agents ask each other: the table errand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.errands import Errand, ErrandChange
from gateway.domain.ids import PersonId
from storage.audit_data import errand_changed
from storage.errand_details import read_errand, write_errand
from storage.postgres.database import Database, Transaction
from storage.postgres.inbox import accept
from storage.postgres.values import storable
from storage.rules import news_of

PUT = """
INSERT INTO errand (id, parent, root, person, role, standing, expires_at, details)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (id) DO UPDATE SET standing = excluded.standing, details = excluded.details
WHERE errand.standing < excluded.standing
"""
GET = "SELECT details FROM errand WHERE id = $1"
ASKED_FOR = "SELECT details FROM errand WHERE parent = $1 ORDER BY seq"
COUNT = "SELECT count(*) AS count FROM errand WHERE root = $1"
COUNT_OF = "SELECT count(*) AS count FROM errand WHERE person = $1 AND role = $2"
OPEN_OF = "SELECT details FROM errand WHERE person = $1 AND standing = 0 ORDER BY seq"
DUE = """
SELECT details FROM errand WHERE standing = 0 AND expires_at <= $1
ORDER BY expires_at, id LIMIT $2
"""


class PostgresErrands:
    """The ErrandStore in Postgres."""

    def __init__(self, database: Database) -> None:
        self._write = database.write
        self._read = database.read

    async def change(self, changes: Sequence[ErrandChange], now: datetime) -> int:
        """Put errands down and accept their news; see the port."""
        return await self._write(_change, changes, now) if changes else 0

    async def get(self, errand: str) -> Errand | None:
        """Return it as it stands; None when there is none of this id."""
        found = await self._list(GET, storable(errand))
        return found[0] if found else None

    async def asked_for(self, parent: str) -> list[Errand]:
        """List what was asked on behalf of an errand, in the order in which it was asked."""
        return await self._list(ASKED_FOR, parent)

    async def count(self, root: str) -> int:
        """Count all errands of one root."""
        return (await self._read(COUNT, root))[0]["count"]

    async def count_of(self, person: PersonId, role: str) -> int:
        """Count what this role was ever asked for the person."""
        return (await self._read(COUNT_OF, person, role))[0]["count"]

    async def open_of(self, person: PersonId) -> list[Errand]:
        """List what is open for a person, in the order in which it was asked."""
        return await self._list(OPEN_OF, person)

    async def due(self, now: datetime, limit: int) -> list[Errand]:
        """List what is open though its time is over, the longest overdue first."""
        return await self._list(DUE, now, limit)

    async def _list(self, sql: str, *values: object) -> list[Errand]:
        return [read_errand(row["details"]) for row in await self._read(sql, *values)]


async def _change(tx: Transaction, changes: Sequence[ErrandChange], now: datetime) -> int:
    changed = [change for change in changes if await _put(tx, change.errand, now)]
    if news := [each for change in changed for each in news_of(change, now)]:
        await accept(tx, news)
    return len(changed)


async def _put(tx: Transaction, errand: Errand, now: datetime) -> bool:
    row = (
        errand.id,
        errand.parent,
        errand.root,
        errand.person,
        errand.role,
        errand.standing,
        errand.expires_at,
        storable(write_errand(errand)),
    )
    if await tx.count(PUT, *row) == 0:
        return False
    tx.log(AuditKind.ERRAND_CHANGED, now, errand.person, errand.id, errand_changed(errand))
    return True
