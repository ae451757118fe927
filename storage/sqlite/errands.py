"""What agents ask each other: the table errand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.errands import Errand, ErrandChange
from gateway.domain.ids import PersonId
from storage.audit_data import errand_changed
from storage.errand_details import read_errand, write_errand
from storage.rules import news_of
from storage.sqlite.committer import Committer, Transaction
from storage.sqlite.inbox import accept
from storage.sqlite.reader import Reader
from storage.sqlite.values import to_micros

PUT = """
INSERT INTO errand (id, parent, root, person, role, standing, expires_at, details)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET standing = excluded.standing, details = excluded.details
WHERE errand.standing < excluded.standing
"""
GET = "SELECT details FROM errand WHERE id = ?"
ASKED_FOR = "SELECT details FROM errand WHERE parent = ? ORDER BY seq"
COUNT = "SELECT count(*) FROM errand WHERE root = ?"
COUNT_OF = "SELECT count(*) FROM errand WHERE person = ? AND role = ?"
OPEN_OF = "SELECT details FROM errand WHERE person = ? AND standing = 0 ORDER BY seq"
DUE = """
SELECT details FROM errand WHERE standing = 0 AND expires_at <= ? ORDER BY expires_at, id LIMIT ?
"""


class SqliteErrands:
    """The ErrandStore in SQLite."""

    def __init__(self, committer: Committer, reader: Reader) -> None:
        self._write = committer.write
        self._read = reader.read

    async def change(self, changes: Sequence[ErrandChange], now: datetime) -> int:
        """Put errands down and accept their news; see the port."""
        return await self._write(_change, changes, now) if changes else 0

    async def get(self, errand: str) -> Errand | None:
        """Return it as it stands; None when there is none of this id."""
        found = await self._list(GET, (errand,))
        return found[0] if found else None

    async def asked_for(self, parent: str) -> list[Errand]:
        """List what was asked on behalf of an errand, in the order in which it was asked."""
        return await self._list(ASKED_FOR, (parent,))

    async def count(self, root: str) -> int:
        """Count all errands of one root."""
        return (await self._read(COUNT, (root,)))[0][0]

    async def count_of(self, person: PersonId, role: str) -> int:
        """Count what this role was ever asked for the person."""
        return (await self._read(COUNT_OF, (person, role)))[0][0]

    async def open_of(self, person: PersonId) -> list[Errand]:
        """List what is open for a person, in the order in which it was asked."""
        return await self._list(OPEN_OF, (person,))

    async def due(self, now: datetime, limit: int) -> list[Errand]:
        """List what is open though its time is over, the longest overdue first."""
        return await self._list(DUE, (to_micros(now), limit))

    async def _list(self, sql: str, values: tuple[str | int, ...]) -> list[Errand]:
        return [read_errand(details) for (details,) in await self._read(sql, values)]


def _change(tx: Transaction, changes: Sequence[ErrandChange], now: datetime) -> int:
    return sum(_change_one(tx, change, now) for change in changes)


def _change_one(tx: Transaction, change: ErrandChange, now: datetime) -> bool:
    errand = change.errand
    row = (
        errand.id,
        errand.parent,
        errand.root,
        errand.person,
        errand.role,
        errand.standing,
        to_micros(errand.expires_at),
        write_errand(errand),
    )
    if tx.execute(PUT, row).rowcount == 0:
        return False
    tx.log(AuditKind.ERRAND_CHANGED, now, errand.person, errand.id, errand_changed(errand))
    if news := news_of(change, now):
        accept(tx, news)
    return True
