"""Writes a backup: one tar file of all that this machine's disk holds, while a gateway may run."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from gateway.cli.backup_manifest import (
    FILES,
    FORMAT,
    NAME,
    SIZE_BYTES,
    Manifest,
    Part,
    write_manifest,
)
from gateway.cli.new_file import new_file
from gateway.cli.sqlite_file import copy, schema_of
from gateway.errors import StoreUnavailable

if TYPE_CHECKING:
    from gateway.bootstrap import Kept


def write_backup(kept: Kept, target: Path, now: datetime) -> Manifest:
    """Write all that is kept to `target`, of which nothing is seen before it is whole.

    What names something is copied before what it names: messages, then the agents'
    memory, then the artifacts. So whatever a row tells of is there; what came
    while the copy went on may be there too, and nobody misses it.
    Raises BadInput when there is such a file already, StoreUnavailable when
    something can not be read or written.
    """
    try:
        with new_file(target) as partial, _copies(kept, target) as copies:
            return _write(kept, copies, partial, now)
    except OSError as error:
        raise StoreUnavailable(
            f'"{target}" can not be written: {error.strerror or error}.'
        ) from error


@contextmanager
def _copies(kept: Kept, target: Path) -> Generator[dict[str, Path]]:
    """Copy the databases, one right after the other, into a hidden folder beside the target."""
    folder = target.with_name(f".{target.name}.parts")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(0o700)
    try:
        found = [each for each in kept.databases if each.path.exists()]
        for each in found:
            copy(each.path, folder / each.name)
        yield {each.name: folder / each.name for each in found}
    finally:
        shutil.rmtree(folder)


def _write(kept: Kept, copies: dict[str, Path], partial: Path, now: datetime) -> Manifest:
    parts: dict[str, Part] = {}
    with partial.open("wb") as raw, tarfile.open(fileobj=raw, mode="w") as tar:
        _add(tar, _info(NAME, SIZE_BYTES, int(now.timestamp())), BytesIO(bytes(SIZE_BYTES)))
        for name, path in copies.items():
            parts[name] = _add_path(tar, name, path, schema_of(path))
        if kept.token.exists():
            parts[kept.token.name] = _add_path(tar, kept.token.name, kept.token)
        if kept.files is not None:
            parts[FILES] = _add_files(tar, kept.files.read())
    made_at = now.astimezone(UTC)
    manifest = Manifest(format=FORMAT, postern=version("postern"), made_at=made_at, parts=parts)
    with partial.open("r+b") as raw:
        raw.seek(tarfile.BLOCKSIZE)  # behind the header of the first file
        raw.write(write_manifest(manifest))
    return manifest


def _add_path(tar: tarfile.TarFile, name: str, path: Path, schema: int | None = None) -> Part:
    with path.open("rb") as file:
        size, digest = _add_open(tar, name, file)
    return Part(size_bytes=size, sha256=digest, schema_version=schema)


def _add_files(tar: tarfile.TarFile, files: Iterator[tuple[tuple[str, ...], BinaryIO]]) -> Part:
    count, total, listing = 0, 0, sha256()
    for path, file in files:
        name = "/".join((FILES, *path))
        size, digest = _add_open(tar, name, file)
        listing.update(f"{digest}  {name}\n".encode(errors="surrogateescape"))
        count, total = count + 1, total + size
    return Part(size_bytes=total, sha256=listing.hexdigest(), files=count)


def _add_open(tar: tarfile.TarFile, name: str, file: BinaryIO) -> tuple[int, str]:
    found = os.fstat(file.fileno())
    seconds, nanoseconds = divmod(found.st_mtime_ns, 10**9)
    info = _info(name, found.st_size, seconds)
    # To the last digit: a note of a file holds by its time.
    info.pax_headers = {"mtime": f"{seconds}.{nanoseconds:09d}"}
    return found.st_size, _add(tar, info, file)


def _info(name: str, size: int, seconds: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, seconds, 0o600
    return info


def _add(tar: tarfile.TarFile, info: tarfile.TarInfo, file: BinaryIO) -> str:
    """Add what is read of the file; return its digest."""
    hashing = _Hashing(file)
    tar.addfile(info, hashing)
    return hashing.digest.hexdigest()


class _Hashing:
    """A file that tells the digest of what was read of it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data
