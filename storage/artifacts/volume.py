"""Artifacts on a volume that is mounted as a folder, and shared by committing and reloading it."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Protocol

from gateway.domain.artifacts import Artifact, Contents
from gateway.ports import Clock
from storage.artifacts.limits import Limits
from storage.artifacts.local import LocalArtifacts

log = logging.getLogger(__name__)

_RELOADED_EVERY_SECONDS = 1.0


class Volume(Protocol):
    """What such a volume can do. Both calls block, and raise OSError."""

    def commit(self) -> None:
        """Make what was written to the folder durable, and visible to others that reload."""
        ...

    def reload(self) -> None:
        """Show what others have committed."""
        ...


class VolumeArtifacts:
    """The ArtifactStore on a volume: a change is committed before it is acknowledged.

    What others saved is found at once by its key, and is in lists a second later; both
    when the volume can be reloaded. Of two processes that save the same key at once the
    later one wins, as volumes have no locks; where many write, a bucket is better.
    """

    def __init__(
        self, volume: Volume, root: Path, clock: Clock, limits: Limits | None = None
    ) -> None:
        self._volume = volume
        self._local = LocalArtifacts(root, clock, limits, after_change=volume.commit)
        self._reloading = asyncio.Lock()
        self._fresh_until = 0.0

    async def save(
        self, key: str, data: bytes, media_type: str | None = None, *, replaces: str | None = None
    ) -> Artifact:
        """Store it; see the port."""
        await self._refresh()
        return await self._local.save(key, data, media_type, replaces=replaces)

    async def load(self, key: str, version: int | None = None) -> Contents | None:
        """Return the contents; see the port."""
        await self._refresh()
        found = await self._local.load(key, version)
        if found is not None:
            return found
        await self._refresh(is_needed=True)
        return await self._local.load(key, version)

    async def list(self, folder: str, after: str | None = None, limit: int = 100) -> list[Artifact]:
        """Return a page of the folder; see the port."""
        await self._refresh()
        return await self._local.list(folder, after, limit)

    async def delete(self, key: str) -> bool:
        """Remove it; see the port."""
        await self._refresh()
        return await self._local.delete(key)

    async def _refresh(self, *, is_needed: bool = False) -> None:
        """Reload now and then. It fails while a file is open; what is there is shown then."""
        loop = asyncio.get_running_loop()
        async with self._reloading:
            if loop.time() < self._fresh_until and not is_needed:
                return
            try:
                await asyncio.to_thread(self._volume.reload)
            except OSError as error:
                log.info("volume_not_reloaded", extra={"error": str(error)})
            self._fresh_until = loop.time() + _RELOADED_EVERY_SECONDS
