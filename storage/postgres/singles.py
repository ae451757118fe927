"""Leases of places, and verified requests that wait: the tables lease and handed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from gateway.domain.handed import Handed, Kept
from gateway.domain.ids import WorkerId
from gateway.domain.leases import Lease, decide_lease
from storage.columns import to_json
from storage.postgres.database import Database, Row, Transaction

# A place that nobody ever had has no row to lock.
HOLD_PLACE = "SELECT pg_advisory_xact_lock(hashtextextended('lease ' || $1, 0))"
HELD = "SELECT holder, fence, until FROM lease WHERE place = $1"
PUT_LEASE = """
INSERT INTO lease (place, holder, fence, until) VALUES ($1, $2, $3, $4)
ON CONFLICT (place) DO UPDATE
SET holder = excluded.holder, fence = excluded.fence, until = excluded.until
"""
LET_GO = "UPDATE lease SET until = $1 WHERE place = $2 AND fence = $3"
KEEP = "INSERT INTO handed (path, headers, body, received_at) VALUES ($1, $2, $3, $4)"
OLDEST = "SELECT seq, path, headers, body FROM handed WHERE path = $1 ORDER BY seq LIMIT $2"
DROP = "DELETE FROM handed WHERE seq = ANY($1::bigint[])"


class PostgresLeases:
    """The LeaseStore in Postgres."""

    def __init__(self, database: Database) -> None:
        self._write = database.write
        self._read = database.read

    async def take(
        self, place: str, holder: WorkerId, now: datetime, length: timedelta
    ) -> Lease | None:
        """Take the place or keep it for longer; see the port."""
        return await self._write(_take, place, holder, now, length)

    async def let_go(self, place: str, lease: Lease, now: datetime) -> None:
        """End a lease early; see the port."""
        await self._write(_let_go, place, lease, now)

    async def held(self, place: str) -> Lease | None:
        """Return the newest lease, which may be over."""
        return _to_lease(await self._read(HELD, place))


class PostgresHanded:
    """The HandedStore in Postgres. All that an ingress needs of the store."""

    def __init__(self, database: Database) -> None:
        self._write = database.write
        self._read = database.read

    async def keep(self, handed: Handed, now: datetime) -> None:
        """Store it."""
        await self._write(_keep, handed, now)

    async def oldest(self, path: str, limit: int) -> list[Kept]:
        """List those for this path that came first."""
        return [
            Kept(row["seq"], Handed(row["path"], _headers(row["headers"]), row["body"]))
            for row in await self._read(OLDEST, path, limit)
        ]

    async def drop(self, numbers: Sequence[int]) -> None:
        """Forget those that their doors have stored."""
        await self._write(_drop, numbers)


async def _take(
    tx: Transaction, place: str, holder: WorkerId, now: datetime, length: timedelta
) -> Lease | None:
    await tx.fetch(HOLD_PLACE, place)
    lease = decide_lease(_to_lease(await tx.fetch(HELD, place)), holder, now, length)
    if lease is not None:
        await tx.count(PUT_LEASE, place, lease.holder, lease.fence, lease.until)
    return lease


async def _let_go(tx: Transaction, place: str, lease: Lease, now: datetime) -> None:
    await tx.count(LET_GO, now, place, lease.fence)


async def _keep(tx: Transaction, handed: Handed, now: datetime) -> None:
    await tx.count(KEEP, handed.path, to_json(handed.headers), handed.body, now)


async def _drop(tx: Transaction, numbers: Sequence[int]) -> None:
    await tx.count(DROP, numbers)


def _headers(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in json.loads(text))


def _to_lease(rows: Sequence[Row]) -> Lease | None:
    if not rows:
        return None
    return Lease(rows[0]["holder"], rows[0]["fence"], rows[0]["until"])
