"""Leases of places, and verified requests that wait: the tables lease and handed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from gateway.domain.handed import Handed, Kept
from gateway.domain.ids import WorkerId
from gateway.domain.leases import Lease, decide_lease
from storage.columns import to_json
from storage.sqlite.committer import Committer, Transaction
from storage.sqlite.reader import Reader
from storage.sqlite.values import from_micros, to_micros

HELD = "SELECT holder, fence, until FROM lease WHERE place = ?"
PUT_LEASE = """
INSERT INTO lease (place, holder, fence, until) VALUES (?, ?, ?, ?)
ON CONFLICT (place) DO UPDATE
SET holder = excluded.holder, fence = excluded.fence, until = excluded.until
"""
LET_GO = "UPDATE lease SET until = ? WHERE place = ? AND fence = ?"
KEEP = "INSERT INTO handed (path, headers, body, received_at) VALUES (?, ?, ?, ?)"
OLDEST = "SELECT seq, path, headers, body FROM handed WHERE path = ? ORDER BY seq LIMIT ?"
DROP = "DELETE FROM handed WHERE seq = ?"


class SqliteLeases:
    """The LeaseStore in SQLite."""

    def __init__(self, committer: Committer, reader: Reader) -> None:
        self._write = committer.write
        self._read = reader.read

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
        return _to_lease(await self._read(HELD, (place,)))


class SqliteHanded:
    """The HandedStore in SQLite."""

    def __init__(self, committer: Committer, reader: Reader) -> None:
        self._write = committer.write
        self._read = reader.read

    async def keep(self, handed: Handed, now: datetime) -> None:
        """Store it."""
        await self._write(_keep, handed, now)

    async def oldest(self, path: str, limit: int) -> list[Kept]:
        """List those for this path that came first."""
        return [
            Kept(number, Handed(path, _headers(headers), body))
            for number, _, headers, body in await self._read(OLDEST, (path, limit))
        ]

    async def drop(self, numbers: Sequence[int]) -> None:
        """Forget those that their doors have stored."""
        await self._write(_drop, numbers)


def _take(
    tx: Transaction, place: str, holder: WorkerId, now: datetime, length: timedelta
) -> Lease | None:
    held = _to_lease(tx.execute(HELD, (place,)).fetchall())
    lease = decide_lease(held, holder, now, length)
    if lease is not None:
        tx.execute(PUT_LEASE, (place, lease.holder, lease.fence, to_micros(lease.until)))
    return lease


def _let_go(tx: Transaction, place: str, lease: Lease, now: datetime) -> None:
    tx.execute(LET_GO, (to_micros(now), place, lease.fence))


def _keep(tx: Transaction, handed: Handed, now: datetime) -> None:
    tx.execute(KEEP, (handed.path, to_json(handed.headers), handed.body, to_micros(now)))


def _drop(tx: Transaction, numbers: Sequence[int]) -> None:
    for number in numbers:
        tx.execute(DROP, (number,))


def _headers(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in json.loads(text))


def _to_lease(rows: Sequence[tuple[Any, ...]]) -> Lease | None:
    if not rows:
        return None
    holder, fence, until = rows[0]
    return Lease(holder, fence, from_micros(until))
