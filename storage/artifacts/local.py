"""Artifacts as plain files, a folder for each owner; what we note of them is in `.postern` there.

The file is the truth, and its replacement the commit: what another program wrote into the
folder is a new version like any other, found when it is next looked at.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Generator
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import ParamSpec, TypeVar

from gateway.domain.artifacts import Artifact, Contents
from gateway.errors import StoreUnavailable
from gateway.ports import ABSENT, Clock
from storage.artifacts.folders import Folder, NotAFolder, opened
from storage.artifacts.keys import check_media_type, guess_media_type, parse_folder, parse_key
from storage.artifacts.limits import Limits, check_unchanged, in_the_way
from storage.artifacts.records import Record, parse_record
from storage.artifacts.whole import LOCK, NOTES

_RECORD = ".record.json"

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class LocalArtifacts:
    """The ArtifactStore in a folder of a local disk or of a mounted volume.

    `after_change` is called in a thread after each change and before it is
    acknowledged: a volume that has to be committed is committed there.
    """

    def __init__(
        self,
        root: Path,
        clock: Clock,
        limits: Limits | None = None,
        after_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._root = root
        self._clock = clock
        self._limits = limits or Limits()
        self._after_change = after_change

    async def save(
        self, key: str, data: bytes, media_type: str | None = None, *, replaces: str | None = None
    ) -> Artifact:
        """Store it; see the port."""
        parts = parse_key(key)
        kind = check_media_type(media_type) if media_type else guess_media_type(key)
        self._limits.check_size(len(data))
        return await self._call(self._save, parts, data, kind, replaces)

    async def load(self, key: str, version: int | None = None) -> Contents | None:
        """Return the contents; see the port."""
        return await self._call(self._load, parse_key(key), version)

    async def list(self, folder: str, after: str | None = None, limit: int = 100) -> list[Artifact]:
        """Return a page of the folder; see the port."""
        return await self._call(self._list, parse_folder(folder), after, limit)

    async def delete(self, key: str) -> bool:
        """Remove it; see the port."""
        return await self._call(self._delete, parse_key(key))

    async def _call(
        self,
        function: Callable[Arguments, Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        try:
            return await asyncio.to_thread(function, *args, **kwargs)
        except OSError as error:
            raise StoreUnavailable(
                f"The artifacts can not be reached: {error.strerror}."
            ) from error

    def _save(
        self, parts: tuple[str, ...], data: bytes, media_type: str, replaces: str | None
    ) -> Artifact:
        key = "/".join(parts)
        with self._owner(parts[0]) as owner, _place(owner, parts, key) as (folder, notes):
            before = _look(folder, notes, parts)
            check_unchanged(key, before.etag if before else ABSENT, replaces)
            if folder.has_folder(parts[-1]):
                raise in_the_way(key)
            record = _next(before, data, media_type, self._clock.now())
            if before is None or record.version != before.version:
                self._check_quota(owner, parts, len(data), before)
                _keep_old(folder, notes, parts[-1], before, self._limits.older_versions)
                folder.write(parts[-1], data)
            record = _note(folder, notes, parts[-1], record)
        self._after_change()
        return _described(parts, record)

    def _load(self, parts: tuple[str, ...], version: int | None) -> Contents | None:
        with opened(self._root) as root, root.below(parts[:-1]) as folder:
            if folder is None:
                return None
            with root.below((parts[0], NOTES, *parts[1:])) as notes:
                newest = _read(folder, notes, parts)
                if newest is None or version in (None, newest.artifact.version):
                    return newest
                return _read_old(notes, parts, version)

    def _list(self, above: tuple[str, ...], after: str | None, limit: int) -> list[Artifact]:
        with opened(self._root) as root, root.below(above) as folder:
            if folder is None:
                return []
            found = [(*above, *parts) for parts, _ in folder.files() if not _is_ours(parts)]
            keys = sorted("/".join(parts) for parts in found)
            page = [key for key in keys if after is None or key > after][:limit]
            described = (_describe(root, tuple(key.split("/"))) for key in page)
            return [each for each in described if each is not None]

    def _delete(self, parts: tuple[str, ...]) -> bool:
        with opened(self._root) as root:
            if _describe(root, parts) is None:
                return False
            with self._owner(parts[0]) as owner:
                is_gone = _remove(owner, parts[1:-1], parts[-1])
                _clear(owner, (NOTES, *parts[1:]))
        self._after_change()
        return is_gone

    @contextlib.contextmanager
    def _owner(self, owner: str) -> Generator[Folder]:
        """Open the owner's folder; one writer at a time has it."""
        with opened(self._root) as root, root.below((owner,), make=True) as folder:
            assert folder is not None  # noqa: S101 - it was made
            with folder.below((NOTES,), make=True) as notes:
                assert notes is not None  # noqa: S101 - it was made
                with notes.locked(LOCK):
                    yield folder

    def _check_quota(
        self, owner: Folder, parts: tuple[str, ...], size: int, before: Record | None
    ) -> None:
        """Count what is there: older versions too, and of them the one that will be dropped."""
        sizes = dict(owner.files())
        files = sum(not _is_ours(path) for path in sizes)
        dropped = 0
        if before is not None:
            oldest = f".{before.version - self._limits.older_versions}"
            kept_at = (NOTES, *parts[1:], oldest)
            dropped = before.size_bytes if not self._limits.older_versions else 0
            dropped += sizes.get(kept_at, 0)
        used = sum(size for path, size in sizes.items() if not _is_note(path)) + size - dropped
        self._limits.check_owner(parts[0], used, files + (before is None))


@contextlib.contextmanager
def _place(owner: Folder, parts: tuple[str, ...], key: str) -> Generator[tuple[Folder, Folder]]:
    """Open the folder of the file and that of its notes, making both."""
    try:
        with (
            owner.below(parts[1:-1], make=True) as folder,
            owner.below((NOTES, *parts[1:]), make=True) as notes,
        ):
            assert folder is not None  # noqa: S101 - it was made
            assert notes is not None  # noqa: S101 - it was made
            yield folder, notes
    except NotAFolder:
        raise in_the_way(key) from None


def _look(folder: Folder, notes: Folder | None, parts: tuple[str, ...]) -> Record | None:
    """Return the facts of the file as it is now; None when there is none."""
    found = folder.stat(parts[-1])
    if found is None:
        return None
    noted = parse_record(notes.read(_RECORD)) if notes is not None else None
    if noted is not None and noted.is_of(found):
        return noted
    data = folder.read(parts[-1])
    return None if data is None else _from_the_file(parts, data, noted, found.st_mtime)


def _from_the_file(
    parts: tuple[str, ...], data: bytes, noted: Record | None, modified: float
) -> Record:
    """Return the facts of a file that the notes are not surely of."""
    etag = sha256(data).hexdigest()
    if noted is not None and noted.etag == etag:
        return noted
    if noted is not None:
        return replace(
            noted,
            version=noted.version + 1,
            etag=etag,
            size_bytes=len(data),
            saved_at=modified,
            modified_ns=0,
        )
    return Record(1, etag, len(data), guess_media_type(parts[-1]), modified)


def _next(before: Record | None, data: bytes, media_type: str, now: datetime) -> Record:
    """Return the facts of what is to be saved; the same bytes are the same version."""
    etag = sha256(data).hexdigest()
    if before is not None and before.etag == etag:
        return replace(before, media_type=media_type)
    version = 1 if before is None else before.version + 1
    return Record(version, etag, len(data), media_type, now.timestamp())


def _keep_old(
    folder: Folder, notes: Folder, name: str, before: Record | None, older_versions: int
) -> None:
    """Copy the contents that will be replaced to the notes, and drop the oldest of these."""
    if before is None:
        return
    data = folder.read(name)
    if older_versions and data is not None:
        notes.write(f".{before.version}", data)
        notes.write(f".{before.version}.json", before.to_json())
    for name_there in notes.names():
        number = name_there.removeprefix(".").removesuffix(".json")
        if number.isdecimal() and int(number) <= before.version - older_versions:
            notes.remove(name_there)


def _note(folder: Folder, notes: Folder, name: str, record: Record) -> Record:
    found = folder.stat(name)
    noted = replace(record, modified_ns=found.st_mtime_ns if found is not None else 0)
    notes.write(_RECORD, noted.to_json())
    return noted


def _read(folder: Folder, notes: Folder | None, parts: tuple[str, ...]) -> Contents | None:
    """Return the file with facts that are of these very bytes, even while it is replaced."""
    found = folder.stat(parts[-1])
    data = folder.read(parts[-1])
    if found is None or data is None:
        return None
    noted = parse_record(notes.read(_RECORD)) if notes is not None else None
    record = _from_the_file(parts, data, noted, found.st_mtime)
    return Contents(_described(parts, record), data)


def _read_old(notes: Folder | None, parts: tuple[str, ...], version: int | None) -> Contents | None:
    if notes is None:
        return None
    record = parse_record(notes.read(f".{version}.json"))
    data = notes.read(f".{version}")
    if record is None or data is None:
        return None
    return Contents(_described(parts, record), data)


def _describe(root: Folder, parts: tuple[str, ...]) -> Artifact | None:
    with root.below(parts[:-1]) as folder, root.below((parts[0], NOTES, *parts[1:])) as notes:
        record = _look(folder, notes, parts) if folder is not None else None
    return None if record is None else _described(parts, record)


def _described(parts: tuple[str, ...], record: Record) -> Artifact:
    saved_at = datetime.fromtimestamp(record.saved_at, UTC)
    return Artifact(
        "/".join(parts),
        record.size_bytes,
        record.etag,
        record.media_type,
        record.version,
        saved_at,
    )


def _remove(owner: Folder, above: tuple[str, ...], name: str) -> bool:
    """Remove a file, and the folders above it that are empty then."""
    with owner.below(above) as folder:
        is_gone = folder is not None and folder.remove(name)
    _remove_empty(owner, above)
    return is_gone


def _clear(owner: Folder, parts: tuple[str, ...]) -> None:
    """Remove the notes of a file."""
    with owner.below(parts) as notes:
        for name in notes.names() if notes is not None else ():
            if notes is not None and notes.stat(name) is not None:
                notes.remove(name)
    _remove_empty(owner, parts)


def _remove_empty(owner: Folder, parts: tuple[str, ...]) -> None:
    for depth in range(len(parts), 0, -1):
        with owner.below(parts[: depth - 1]) as folder:
            if folder is None or not folder.remove_folder(parts[depth - 1]):
                return


def _is_ours(path: tuple[str, ...]) -> bool:
    """Whether it is a note, or something hidden; keys have no part that begins with a dot."""
    return any(part.startswith(".") for part in path)


def _is_note(path: tuple[str, ...]) -> bool:
    """Whether it is a small note of ours: not counted, so that sizes are those of contents."""
    return path[0] == NOTES and (path[-1].endswith(".json") or path[-1] == LOCK)
