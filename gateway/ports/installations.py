"""The workspaces that have let the app in, and those that are about to."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from gateway.domain.installations import Installation


class InstallationStore(Protocol):
    """Grants by workspace, and the states by which an installation is known to be asked for.

    Each method is one commit; StoreUnavailable means nothing happened.
    """

    async def put(self, installation: Installation, now: datetime) -> None:
        """Store it, in place of what the workspace had before; the revision goes on counting."""
        ...

    async def get(self, platform: str, workspace: str) -> Installation | None:
        """Return the workspace's grant; None where the app is not, or not any more."""
        ...

    async def renew(self, old: Installation, sealed: bytes, now: datetime) -> bool:
        """Put new contents in place of `old`; False when that is not the newest any more."""
        ...

    async def end(
        self, platform: str, workspace: str, reason: str, until: datetime, now: datetime
    ) -> bool:
        """Forget a grant that was made before `until`; False when there is none.

        A workspace may let the app in again before the news of its going arrives.
        """
        ...

    async def keep_state(self, digest: str, expires_at: datetime, now: datetime) -> None:
        """Remember that somebody was sent to install the app; drops the states that are over."""
        ...

    async def fail(self, platform: str, digest: str, reason: str, now: datetime) -> None:
        """Write into the audit log why the installation of this state came to nothing."""
        ...

    async def use_state(self, digest: str, now: datetime) -> bool:
        """Whether this state was kept, is not over, and was not used: the one time it is."""
        ...
