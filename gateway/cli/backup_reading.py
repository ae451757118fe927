"""Reads a backup: nothing in it is trusted, and nothing outside of the given places is written."""

from __future__ import annotations

import io
import os
import re
import shutil
import tarfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import IO

from gateway.cli.backup_manifest import FILES, NAME, SIZE_BYTES, Manifest, Part, parse_manifest
from gateway.errors import BadInput, StoreUnavailable

_CHUNK_BYTES = 1 << 18
_LONGEST_READ_BYTES = 1 << 20
_LARGEST_FILE_BYTES = 1 << 62
_LONGEST_NAME = 2048
_DEEPEST = 40
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MOMENT = re.compile(r"(\d{1,11})\.(\d{9})")

Member = tuple[tarfile.TarInfo, IO[bytes]]


def is_old_form(file: Path) -> bool:
    """Whether it is a bare copy of the messages' database, as backups were once."""
    with file.open("rb") as opened:
        return opened.read(16) == b"SQLite format 3\0"


def unpack(file: Path, places: Mapping[str, Path]) -> Manifest:
    """Write each part to its place, where nothing is yet; a part without a place is only read.

    Returns when every byte was compared with the manifest. Raises BadInput for what
    is no sound backup, with the reason, and StoreUnavailable when it can not be
    written; the caller removes what was written by then.
    """
    try:
        with _opened(file) as members:
            manifest = _manifest(members)
            _check_room(manifest, places, file.stat().st_size)
            _unpack_all(members, manifest, places)
            return manifest
    except (tarfile.TarError, EOFError, RecursionError, ValueError) as error:
        # A chain of headers that name each other's names is recursion in tarfile.
        raise _damaged(file, "it is no tar file, or cut off") from error
    except BadInput as error:
        raise _damaged(file, str(error)) from error
    except OSError as error:
        raise StoreUnavailable(f'"{file}" can not be unpacked: {error.strerror}.') from error


def _damaged(file: Path, reason: str) -> BadInput:
    return BadInput(f'"{file}" can not be restored: {reason}. Nothing was changed.')


@contextmanager
def _opened(file: Path) -> Generator[Iterator[Member]]:
    with _Guarded(io.FileIO(file)) as raw, tarfile.open(fileobj=raw, mode="r:") as tar:
        yield _members(tar)


def _members(tar: tarfile.TarFile) -> Iterator[Member]:
    """Go through the files in their order, keeping none of them in mind."""
    while (info := tar.next()) is not None:
        tar.members.clear()  # pyright: ignore - typeshed leaves it out; it would hold them all
        if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or info.issparse():
            raise BadInput(f"{_shown(info.name)} in it is no plain file")
        content = tar.extractfile(info)
        if content is None or info.size < 0:
            raise BadInput(f"{_shown(info.name)} in it is no plain file")
        yield info, content


def _manifest(members: Iterator[Member]) -> Manifest:
    info, content = next(members, (None, io.BytesIO()))
    if info is None or (info.name, info.size) != (NAME, SIZE_BYTES):
        raise BadInput("it is no backup of Postern")
    return parse_manifest(content.read(SIZE_BYTES))


def _check_room(manifest: Manifest, places: Mapping[str, Path], size: int) -> None:
    """Refuse what can not fit before anything is written."""
    total = sum(part.size_bytes for part in manifest.parts.values())
    if total > size:
        raise BadInput("it is cut off, or says that it holds more than it can")
    for folder in {place.parent for place in places.values()}:
        free = shutil.disk_usage(folder).free
        if total > free:
            raise BadInput(f'it takes {total:,} bytes, and "{folder}" has {free:,}')


def _unpack_all(members: Iterator[Member], manifest: Manifest, places: Mapping[str, Path]) -> None:
    left = dict(manifest.parts)
    files = _Files(left.pop(FILES, None), places.get(FILES))
    for info, content in members:
        part = left.pop(info.name, None)
        if part is not None:
            _take(content, part, places.get(info.name))
        else:
            files.take(info, content)
    files.check()
    if left:
        raise BadInput(f"{', '.join(sorted(left))} is missing in it")


def _take(content: IO[bytes], part: Part, place: Path | None) -> None:
    size, digest = _write(content, place)
    if (size, digest) != (part.size_bytes, part.sha256):
        raise BadInput("it is damaged: its contents are not those that were written")


class _Files:
    """The artifacts on the way to their folder."""

    def __init__(self, part: Part | None, place: Path | None) -> None:
        self._part = part
        self._place = place
        self._count = self._total = 0
        self._listing = sha256()
        if part is not None and place is not None:
            place.mkdir(0o700)

    def take(self, info: tarfile.TarInfo, content: IO[bytes]) -> None:
        """Write a file; nothing that leads out of the folder, or is there already."""
        parts = _parts(info.name)
        if self._part is None or self._count == self._part.files or parts is None:
            raise BadInput(f"{_shown(info.name)} in it is nothing that a backup has")
        target = None if self._place is None else self._place.joinpath(*parts)
        try:
            size, digest = _write(content, target)
        except (FileExistsError, NotADirectoryError) as error:
            raise BadInput(f"{_shown(info.name)} is in it twice") from error
        if target is not None:
            _keep_time(target, info)
        self._count, self._total = self._count + 1, self._total + size
        self._listing.update(f"{digest}  {info.name}\n".encode(errors="surrogateescape"))

    def check(self) -> None:
        """Compare all of them with the manifest."""
        found = Part(size_bytes=self._total, sha256=self._listing.hexdigest(), files=self._count)
        if self._part is not None and found != self._part:
            raise BadInput("it is damaged: its artifacts are not those that were written")


def _parts(name: str) -> tuple[str, ...] | None:
    """Return the path below the artifacts' folder; None for a name that leads elsewhere."""
    top, *parts = name.split("/")
    is_short = len(parts) <= _DEEPEST and len(name) <= _LONGEST_NAME
    if top != FILES or not parts or not is_short or {"", ".", ".."} & {*parts} or "\0" in name:
        return None
    return tuple(parts)


def _write(content: IO[bytes], target: Path | None) -> tuple[int, str]:
    """Copy what is read to a new file of this user alone; return its size and its digest."""
    if target is None:
        return _copy(content, None)
    target.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(target, _NEW_FILE, 0o600), "wb") as file:
        return _copy(content, file)


def _copy(content: IO[bytes], file: IO[bytes] | None) -> tuple[int, str]:
    size, digest = 0, sha256()
    while data := content.read(_CHUNK_BYTES):
        digest.update(data)
        size += len(data)
        if file is not None:
            file.write(data)
    return size, digest.hexdigest()


def _keep_time(path: Path, info: tarfile.TarInfo) -> None:
    """Give the file its time, by which its notes hold."""
    found = _MOMENT.fullmatch(info.pax_headers.get("mtime", ""))
    if found is not None:
        moment = int(found[1]) * 10**9 + int(found[2])
        os.utime(path, ns=(moment, moment))


def _shown(name: str) -> str:
    return '"' + "".join(sign if sign.isprintable() else "?" for sign in name)[:80] + '"'


class _Guarded(io.BufferedReader):
    """A file for tarfile, which would read a header of any length into memory."""

    def read(self, size: int | None = -1) -> bytes:
        """Read so many bytes; raises BadInput for more than anybody needs at once."""
        if size is None or not 0 <= size <= _LONGEST_READ_BYTES:
            raise BadInput("a header in it is too long")
        return super().read(size)

    def seek(self, target: int, whence: int = os.SEEK_SET) -> int:
        """Go there; raises BadInput for a place that no file has."""
        if not 0 <= target <= _LARGEST_FILE_BYTES:
            raise BadInput("it is cut off")
        return super().seek(target, whence)
