"""Grants by workspace, and states of installations: the tables installation and install_state."""

from __future__ import annotations

from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.installations import Installation
from storage.audit_data import reason_of
from storage.sqlite.committer import Committer, Transaction
from storage.sqlite.reader import Reader
from storage.sqlite.values import from_micros, to_micros

PUT = """
INSERT INTO installation (platform, workspace, sealed, installed_at, revision)
VALUES (?, ?, ?, ?, ?)
ON CONFLICT (platform, workspace) DO UPDATE SET sealed = excluded.sealed,
    installed_at = excluded.installed_at, revision = revision + 1
RETURNING revision
"""
GET = """
SELECT platform, workspace, sealed, installed_at, revision FROM installation
WHERE platform = ? AND workspace = ?
"""
RENEW = """
UPDATE installation SET sealed = ?, revision = revision + 1
WHERE platform = ? AND workspace = ? AND revision = ? AND sealed = ?
"""
END = "DELETE FROM installation WHERE platform = ? AND workspace = ? AND installed_at < ?"
DROP_STATES = "DELETE FROM install_state WHERE expires_at <= ?"
KEEP_STATE = """
INSERT INTO install_state (digest, expires_at) VALUES (?, ?)
ON CONFLICT (digest) DO UPDATE SET expires_at = excluded.expires_at
"""
USE_STATE = "DELETE FROM install_state WHERE digest = ? RETURNING expires_at"


class SqliteInstallations:
    """The InstallationStore in SQLite."""

    def __init__(self, committer: Committer, reader: Reader) -> None:
        self._write = committer.write
        self._read = reader.read

    async def put(self, installation: Installation, now: datetime) -> None:
        """Store it, in place of what the workspace had before."""
        await self._write(_put, installation, now)

    async def get(self, platform: str, workspace: str) -> Installation | None:
        """Return the workspace's grant."""
        rows = await self._read(GET, (platform, workspace))
        if not rows:
            return None
        _, _, sealed, installed_at, revision = rows[0]
        return Installation(platform, workspace, sealed, from_micros(installed_at), revision)

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


def _put(tx: Transaction, installation: Installation, now: datetime) -> None:
    key = installation.platform, installation.workspace
    installed_at = to_micros(installation.installed_at)
    row = (*key, installation.sealed, installed_at, installation.revision)
    (revision,) = tx.execute(PUT, row).fetchone()
    _log(tx, AuditKind.INSTALLATION_PUT, key, {"revision": revision}, now)


def _renew(tx: Transaction, old: Installation, sealed: bytes, now: datetime) -> bool:
    key = old.platform, old.workspace
    if tx.execute(RENEW, (sealed, *key, old.revision, old.sealed)).rowcount == 0:
        return False
    _log(tx, AuditKind.INSTALLATION_RENEWED, key, {"revision": old.revision + 1}, now)
    return True


def _end(
    tx: Transaction, key: tuple[str, str], reason: str, until: datetime, now: datetime
) -> bool:
    if tx.execute(END, (*key, to_micros(until))).rowcount == 0:
        return False
    _log(tx, AuditKind.INSTALLATION_ENDED, key, {"reason": reason}, now)
    return True


def _keep_state(tx: Transaction, digest: str, expires_at: datetime, now: datetime) -> None:
    tx.execute(DROP_STATES, (to_micros(now),))
    tx.execute(KEEP_STATE, (digest, to_micros(expires_at)))


def _fail(tx: Transaction, platform: str, digest: str, reason: str, now: datetime) -> None:
    tx.log(AuditKind.INSTALLATION_FAILED, now, platform, digest, {"reason": reason_of(reason)})


def _use_state(tx: Transaction, digest: str, now: datetime) -> bool:
    row = tx.execute(USE_STATE, (digest,)).fetchone()
    return row is not None and row[0] > to_micros(now)


def _log(
    tx: Transaction, kind: AuditKind, key: tuple[str, str], data: dict[str, object], now: datetime
) -> None:
    platform, workspace = key
    tx.log(kind, now, f"{platform}:{workspace}", workspace, data)
