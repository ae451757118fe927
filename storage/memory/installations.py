"""Grants by workspace, and states of installations under way, in dictionaries."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.installations import Installation
from storage.audit_data import reason_of
from storage.memory.tables import Tables


class MemoryInstallations:
    """The InstallationStore in dictionaries."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def put(self, installation: Installation, now: datetime) -> None:
        """Store it, in place of what the workspace had before."""
        key = installation.platform, installation.workspace
        old = self._tables.installations.get(key)
        new = installation if old is None else replace(installation, revision=old.revision + 1)
        self._tables.installations[key] = new
        self._log(AuditKind.INSTALLATION_PUT, key, {"revision": new.revision}, now)

    async def get(self, platform: str, workspace: str) -> Installation | None:
        """Return the workspace's grant."""
        return self._tables.installations.get((platform, workspace))

    async def renew(self, old: Installation, sealed: bytes, now: datetime) -> bool:
        """Put new contents in place of `old`; False when that is not the newest any more."""
        key = old.platform, old.workspace
        held = self._tables.installations.get(key)
        if held is None or (held.revision, held.sealed) != (old.revision, old.sealed):
            return False
        new = replace(held, sealed=sealed, revision=held.revision + 1)
        self._tables.installations[key] = new
        self._log(AuditKind.INSTALLATION_RENEWED, key, {"revision": new.revision}, now)
        return True

    async def end(
        self, platform: str, workspace: str, reason: str, until: datetime, now: datetime
    ) -> bool:
        """Forget a grant that was made before `until`; False when there is none."""
        key = platform, workspace
        held = self._tables.installations.get(key)
        if held is None or held.installed_at >= until:
            return False
        del self._tables.installations[key]
        self._log(AuditKind.INSTALLATION_ENDED, key, {"reason": reason}, now)
        return True

    async def keep_state(self, digest: str, expires_at: datetime, now: datetime) -> None:
        """Remember that somebody was sent to install the app; drops the states that are over."""
        states = self._tables.install_states
        for over in [old for old, until in states.items() if until <= now]:
            del states[over]
        states[digest] = expires_at

    async def fail(self, platform: str, digest: str, reason: str, now: datetime) -> None:
        """Write down why the installation of this state came to nothing."""
        data = {"reason": reason_of(reason)}
        self._tables.log(AuditKind.INSTALLATION_FAILED, now, platform, digest, data)

    async def use_state(self, digest: str, now: datetime) -> bool:
        """Whether this state was kept, is not over, and was not used: the one time it is."""
        expires_at = self._tables.install_states.pop(digest, None)
        return expires_at is not None and expires_at > now

    def _log(
        self, kind: AuditKind, key: tuple[str, str], data: dict[str, object], now: datetime
    ) -> None:
        platform, workspace = key
        self._tables.log(kind, now, f"{platform}:{workspace}", workspace, data)
