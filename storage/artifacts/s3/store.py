"""Artifacts as objects of a bucket: the newest under its key, older versions in `.postern`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

from gateway.domain.artifacts import Artifact, Contents
from gateway.errors import StoreUnavailable
from gateway.ports import ABSENT, Clock
from storage.artifacts.keys import check_media_type, guess_media_type, parse_folder, parse_key
from storage.artifacts.limits import Limits, check_unchanged, in_the_way
from storage.artifacts.s3.bucket import Bucket, Stored

_OLD = ".postern"
"""No owner can be called so: parts of keys do not begin with a dot."""
_TRIES = 8
"""Others that write the same key at once let us try again; somebody always gets through."""


class S3Artifacts:
    """The ArtifactStore in a bucket. Any number of processes may use it at once.

    A write names the object that it replaces, so that none is lost unseen. Quotas are
    counted before a write: what several processes save at the same moment can go over.
    """

    def __init__(self, bucket: Bucket, clock: Clock, limits: Limits | None = None) -> None:
        self._bucket = bucket
        self._clock = clock
        self._limits = limits or Limits()

    async def save(
        self, key: str, data: bytes, media_type: str | None = None, *, replaces: str | None = None
    ) -> Artifact:
        """Store it; see the port."""
        parts = parse_key(key)
        kind = check_media_type(media_type) if media_type else guess_media_type(key)
        self._limits.check_size(len(data))
        for _try in range(_TRIES):
            stored = await self._bucket.head(key)
            before = None if stored is None else _described(key, stored)
            check_unchanged(key, before.etag if before else ABSENT, replaces)
            made = _next(key, data, kind, before, self._clock.now())
            is_new = before is None or made.version != before.version
            if is_new:
                await self._check_owner(parts, len(data), before)
            if await self._write(made, data, stored, is_new=is_new):
                return made
        raise StoreUnavailable(f'Others change "{key}" all the time; it was not saved.')

    async def load(self, key: str, version: int | None = None) -> Contents | None:
        """Return the contents; see the port."""
        parse_key(key)
        newest = await self._bucket.get(key)
        if newest is None:
            return None
        artifact = _described(key, newest)
        if version in (None, artifact.version):
            return Contents(artifact, newest.data)
        old = await self._bucket.get(_old_key(key, version or 0))
        return None if old is None else Contents(_described(key, old), old.data)

    async def list(self, folder: str, after: str | None = None, limit: int = 100) -> list[Artifact]:
        """Return a page of the folder; see the port."""
        parse_folder(folder)
        keys = [entry.key async for entry in self._bucket.entries(f"{folder}/", after, limit)]
        found = await asyncio.gather(*(self._bucket.head(key) for key in keys))
        pairs = zip(keys, found, strict=True)
        return [_described(key, stored) for key, stored in pairs if stored is not None]

    async def delete(self, key: str) -> bool:
        """Remove it; see the port."""
        parse_key(key)
        was_there = await self._bucket.head(key) is not None
        await self._bucket.delete(key)
        async for entry in self._bucket.entries(f"{_OLD}/{key}/"):
            await self._bucket.delete(entry.key)
        return was_there

    async def _write(
        self, made: Artifact, data: bytes, stored: Stored | None, *, is_new: bool
    ) -> bool:
        """Keep the old contents, then replace them; False when somebody else was faster."""
        keeps = is_new and stored is not None and self._limits.older_versions > 0
        if keeps and stored is not None:
            old = _old_key(made.key, made.version - 1)
            if not await self._bucket.copy(made.key, stored, old):
                return False
        if not await self._bucket.put(made.key, data, stored, _facts(made), made.media_type):
            return False
        if is_new and made.version > 1 + self._limits.older_versions:
            await self._bucket.delete(
                _old_key(made.key, made.version - 1 - self._limits.older_versions)
            )
        return True

    async def _check_owner(
        self, parts: tuple[str, ...], size: int, before: Artifact | None
    ) -> None:
        """Count what is there: older versions too, and of them the one that will be dropped."""
        owner, key = parts[0], "/".join(parts)
        sizes = {each.key: each.size_bytes async for each in self._bucket.entries(f"{owner}/")}
        _check_place(key, sizes)
        old = {each.key: each.size_bytes async for each in self._bucket.entries(f"{_OLD}/{owner}/")}
        dropped = 0
        if before is not None and self._limits.older_versions:
            dropped = old.get(_old_key(key, before.version - self._limits.older_versions), 0)
        elif before is not None:
            dropped = before.size_bytes
        used = sum(sizes.values()) + sum(old.values()) + size - dropped
        self._limits.check_owner(owner, used, len(sizes) + (before is None))


def _check_place(key: str, there: Mapping[str, int]) -> None:
    """Raise BadInput where a file and a folder would have one name."""
    for other in there:
        if other.startswith(f"{key}/") or key.startswith(f"{other}/"):
            raise in_the_way(key)


def _old_key(key: str, version: int) -> str:
    return f"{_OLD}/{key}/{version:08d}"


def _next(key: str, data: bytes, kind: str, before: Artifact | None, now: datetime) -> Artifact:
    """Return the facts of what is to be saved; the same bytes are the same version."""
    etag = sha256(data).hexdigest()
    if before is not None and before.etag == etag:
        return replace(before, media_type=kind)
    version = 1 if before is None else before.version + 1
    return Artifact(key, len(data), etag, kind, version, now)


def _facts(artifact: Artifact) -> dict[str, str]:
    return {
        "sha256": artifact.etag,
        "version": str(artifact.version),
        "size": str(artifact.size_bytes),
        "saved-at": artifact.saved_at.astimezone(UTC).isoformat(),
    }


def _described(key: str, stored: Stored) -> Artifact:
    facts = stored.facts
    try:
        return Artifact(
            key,
            int(facts["size"]),
            facts["sha256"],
            stored.media_type,
            int(facts["version"]),
            datetime.fromisoformat(facts["saved-at"]),
        )
    except (KeyError, ValueError) as error:
        raise StoreUnavailable(f'"{key}" in the bucket was not put there by Postern.') from error
