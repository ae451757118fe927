"""Grants by workspace, and states of installations: the tables installation and install_state."""

from __future__ import annotations

from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.installations import Installation
from storage.audit_data import reason_of
from storage.postgres.database import Database, Transaction

PUT = """
INSERT INTO installation (platform, workspace, sealed, installed_at, revision)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (platform, workspace) DO UPDATE SET sealed = excluded.sealed,
    installed_at = excluded.installed_at, revision = installation.revision + 1
RETURNING revision
"""
GET = """
SELECT platform, workspace, sealed, installed_at, revision FROM installation
WHERE platform = $1 AND workspace = $2
"""
RENEW = """
UPDATE installation SET sealed = $1, revision = revision + 1
WHERE platform = $2 AND workspace = $3 AND revision = $4 AND sealed = $5
"""
END = "DELETE FROM installation WHERE platform = $1 AND workspace = $2 AND installed_at < $3"
DROP_STATES = "DELETE FROM install_state WHERE expires_at <= $1"
KEEP_STATE = """
INSERT INTO install_state (digest, expires_at) VALUES ($1, $2)
ON CONFLICT (digest) DO UPDATE SET expires_at = excluded.expires_at
"""
USE_STATE = "DELETE FROM install_state WHERE digest = $1 RETURNING expires_at"


class PostgresInstallations:
    """The InstallationStore in Postgres."""

    def __init__(self, database: Database) -> None:
        self._write = database.write
        self._read = database.read

    async def put(self, installation: Installation, now: datetime) -> None:
        """Store it, in place of what the workspace had before."""
        await self._write(_put, installation, now)

    async def get(self, platform: str, workspace: str) -> Installation | None:
        """Return the workspace's grant."""
        rows = await self._read(GET, platform, workspace)
        return Installation(*rows[0]) if rows else None

    async def renew(self, old: Installation, sealed: bytes, now: datetime) -> bool:
        """Put new contents in place of `old`; False when that is not the newest any more."""
        return await self._write(_renew, old, sealed, now)

    async def end(
        self, platform: str, workspace: str, reason: str, until: datetime, now: datetime
    ) -> bool:
        """Forget a grant that was made before `until`; False when there is none."""
        return await self._write(_end, (platform, workspace), reason, until, now)

    async def keep_state(self, digest: str, expires_at: datetime, now: datetime) -> None:
        """Remember that somebody was sent to install the app; drops the states that are over."""
        await self._write(_keep_state, digest, expires_at, now)

    async def fail(self, platform: str, digest: str, reason: str, now: datetime) -> None:
        """Write down why the installation of this state came to nothing."""
        await self._write(_fail, platform, digest, reason, now)

    async def use_state(self, digest: str, now: datetime) -> bool:
        """Whether this state was kept, is not over, and was not used: the one time it is."""
        return await self._write(_use_state, digest, now)


async def _put(tx: Transaction, installation: Installation, now: datetime) -> None:
    key = installation.platform, installation.workspace
    row = (*key, installation.sealed, installation.installed_at, installation.revision)
    (put,) = await tx.fetch(PUT, *row)
    _log(tx, AuditKind.INSTALLATION_PUT, key, {"revision": put["revision"]}, now)


async def _renew(tx: Transaction, old: Installation, sealed: bytes, now: datetime) -> bool:
    key = old.platform, old.workspace
    if await tx.count(RENEW, sealed, *key, old.revision, old.sealed) == 0:
        return False
    _log(tx, AuditKind.INSTALLATION_RENEWED, key, {"revision": old.revision + 1}, now)
    return True


async def _end(
    tx: Transaction, key: tuple[str, str], reason: str, until: datetime, now: datetime
) -> bool:
    if await tx.count(END, *key, until) == 0:
        return False
    _log(tx, AuditKind.INSTALLATION_ENDED, key, {"reason": reason}, now)
    return True


async def _keep_state(tx: Transaction, digest: str, expires_at: datetime, now: datetime) -> None:
    await tx.count(DROP_STATES, now)
    await tx.count(KEEP_STATE, digest, expires_at)


async def _fail(tx: Transaction, platform: str, digest: str, reason: str, now: datetime) -> None:
    tx.log(AuditKind.INSTALLATION_FAILED, now, platform, digest, {"reason": reason_of(reason)})


async def _use_state(tx: Transaction, digest: str, now: datetime) -> bool:
    row = await tx.first(USE_STATE, digest)
    return row is not None and row["expires_at"] > now


def _log(
    tx: Transaction, kind: AuditKind, key: tuple[str, str], data: dict[str, object], now: datetime
) -> None:
    platform, workspace = key
    tx.log(kind, now, f"{platform}:{workspace}", workspace, data)
