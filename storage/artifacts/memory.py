"""Artifacts in a dictionary: keeps every promise of the port but the one to survive the process."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from hashlib import sha256

from gateway.domain.artifacts import Artifact, Contents
from gateway.ports import ABSENT, Clock
from storage.artifacts.keys import check_media_type, guess_media_type, parse_folder, parse_key
from storage.artifacts.limits import Limits, check_unchanged, in_the_way


class MemoryArtifacts:
    """The ArtifactStore for tests and for gateways that keep nothing."""

    def __init__(self, clock: Clock, limits: Limits | None = None) -> None:
        self._clock = clock
        self._limits = limits or Limits()
        self._versions: dict[tuple[str, ...], list[Contents]] = {}

    async def save(
        self, key: str, data: bytes, media_type: str | None = None, *, replaces: str | None = None
    ) -> Artifact:
        """Store it; see the port."""
        parts = parse_key(key)
        known = self._versions.get(parts, [])
        now = known[-1].artifact if known else None
        check_unchanged(key, now.etag if now else ABSENT, replaces)
        self._limits.check_size(len(data))
        self._check_place(parts, key)
        made = _described(key, data, media_type, now, self._clock.now())
        if now is not None and now.version == made.version:
            kept = [*known[:-1], Contents(made, data)]
        else:
            kept = [*known, Contents(made, data)][-1 - self._limits.older_versions :]
        self._check_owner(parts, kept)
        self._versions[parts] = kept
        return made

    async def load(self, key: str, version: int | None = None) -> Contents | None:
        """Return the contents; see the port."""
        known = self._versions.get(parse_key(key), [])
        wanted = [each for each in known if version in (None, each.artifact.version)]
        return wanted[-1] if wanted else None

    async def list(self, folder: str, after: str | None = None, limit: int = 100) -> list[Artifact]:
        """Return a page of the folder; see the port."""
        above = parse_folder(folder)
        newest = [
            known[-1].artifact
            for parts, known in self._versions.items()
            if parts[: len(above)] == above and len(parts) > len(above)
        ]
        ordered = sorted(newest, key=lambda artifact: artifact.key)
        return [each for each in ordered if after is None or each.key > after][:limit]

    async def delete(self, key: str) -> bool:
        """Remove it; see the port."""
        return self._versions.pop(parse_key(key), None) is not None

    def _check_place(self, parts: tuple[str, ...], key: str) -> None:
        for other in self._versions:
            shorter = min(len(other), len(parts))
            if other != parts and other[:shorter] == parts[:shorter]:
                raise in_the_way(key)

    def _check_owner(self, parts: tuple[str, ...], kept: list[Contents]) -> None:
        all_of_it = {**self._versions, parts: kept}
        own = [known for place, known in all_of_it.items() if place[0] == parts[0]]
        size = sum(each.artifact.size_bytes for known in own for each in known)
        self._limits.check_owner(parts[0], size, len(own))


def _described(
    key: str, data: bytes, media_type: str | None, before: Artifact | None, now: datetime
) -> Artifact:
    etag = sha256(data).hexdigest()
    kind = check_media_type(media_type) if media_type else guess_media_type(key)
    if before is not None and before.etag == etag:
        return replace(before, media_type=kind)
    version = 1 if before is None else before.version + 1
    return Artifact(key, len(data), etag, kind, version, now)
