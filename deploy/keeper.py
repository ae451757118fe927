"""Where an ingress keeps requests when workers share a Postgres: in their table. Light."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime

from gateway.domain.handed import Handed
from storage.postgres.database import Database, PoolOptions
from storage.postgres.migrate import migrate
from storage.postgres.singles import PostgresHanded
from storage.signals import Signals

_POOL = PoolOptions(size=4, wait_seconds=2.0)


def postgres_url(environ: Mapping[str, str]) -> str | None:
    """Return the Postgres that the secret names; None where the worker has a SQLite file."""
    url = environ.get("POSTERN_DATABASE_URL") or environ.get("DATABASE_URL") or ""
    return url if url.startswith(("postgres://", "postgresql://")) else None


class Keeper:
    """Keeps requests in the database; it is opened when the first one comes."""

    def __init__(self, url: str, now: Callable[[], datetime]) -> None:
        self._database = Database(url, _POOL, Signals())
        self._handed = PostgresHanded(self._database)
        self._now = now
        self._opening = asyncio.Lock()
        self._is_open = False

    async def keep(self, handed: Handed) -> None:
        """Store it. Raises SettingsWrong or StoreUnavailable when it was not stored."""
        await self.look()
        await self._handed.keep(handed, self._now())

    async def look(self) -> None:
        """Open the database if it is not; raises SettingsWrong or StoreUnavailable."""
        async with self._opening:
            if self._is_open:
                return
            await self._database.open()
            try:
                await migrate(self._database)
            except BaseException:
                await self._database.close()
                raise
            self._is_open = True

    async def close(self) -> None:
        """Let the connections go."""
        await self._database.close()
