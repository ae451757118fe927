"""Folders held open by their descriptors, so that no name and no link leads out of them."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Generator, Iterator
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
"""Missing, a file where a folder was wanted, or a symbolic link."""


class NotAFolder(Exception):
    """A file or a link stands where a folder is to be made."""


class Folder:
    """One open folder; links in it are never followed. Blocking: call it in a thread."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @contextlib.contextmanager
    def below(self, parts: tuple[str, ...], *, make: bool = False) -> Generator[Folder | None]:
        """Open a folder further down; None when it is not there and shall not be made."""
        descriptor = os.dup(self._descriptor)
        try:
            for part in parts:
                found = _step(descriptor, part, make=make)
                if found is None:
                    yield None
                    return
                os.close(descriptor)
                descriptor = found
            yield Folder(descriptor)
        finally:
            os.close(descriptor)

    def stat(self, name: str) -> os.stat_result | None:
        """Return the facts of a file; None when there is none of that name."""
        try:
            found = os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
        except OSError as error:
            return _none_if_missing(error)
        return found if stat.S_ISREG(found.st_mode) else None

    def has_folder(self, name: str) -> bool:
        """Whether a folder has this name."""
        try:
            found = os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
        except OSError as error:
            return bool(_none_if_missing(error))
        return stat.S_ISDIR(found.st_mode)

    def read(self, name: str) -> bytes | None:
        """Return what is in a file; None when there is none of that name."""
        file = self.reader(name)
        if file is None:
            return None
        with file:
            return file.read()

    def reader(self, name: str) -> BinaryIO | None:
        """Open a file for reading, which the caller closes; None when there is none."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(name, flags, dir_fd=self._descriptor)
        except OSError as error:
            return _none_if_missing(error)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            return None
        return os.fdopen(descriptor, "rb")

    def write(self, name: str, data: bytes) -> None:
        """Replace a file in one step, on the disk when this returns."""
        partial = f".{token_hex(8)}.partial"
        descriptor = os.open(partial, _NEW_FILE, 0o600, dir_fd=self._descriptor)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(descriptor)
            self.move(partial, name)
        except BaseException:
            self.remove(partial)
            raise
        os.fsync(self._descriptor)

    def append(self, name: str, line: bytes) -> None:
        """Add a line, on the disk when this returns; it joins no line that was cut off."""
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(name, flags, 0o600, dir_fd=self._descriptor)
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            size = os.fstat(descriptor).st_size
            is_whole = size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"
            file.write((b"" if is_whole else b"\n") + line + b"\n")
            os.fsync(descriptor)

    def move(self, name: str, new_name: str) -> None:
        """Give a file another name in this folder."""
        here = self._descriptor
        os.replace(name, new_name, src_dir_fd=here, dst_dir_fd=here)

    def remove(self, name: str) -> bool:
        """Remove a file; False when it was not there."""
        try:
            os.unlink(name, dir_fd=self._descriptor)
        except FileNotFoundError:
            return False
        return True

    def remove_folder(self, name: str) -> bool:
        """Remove an empty folder; False when it is not empty, or not there."""
        try:
            os.rmdir(name, dir_fd=self._descriptor)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST, *_NOT_THERE):
                return False
            raise
        return True

    def names(self) -> list[str]:
        """Return the names of everything in it."""
        return os.listdir(self._descriptor)  # noqa: PTH208 - paths know no descriptors

    def files(self, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], int]]:
        """Go through all files in it and below it: their parts, and their sizes in bytes."""
        for name in self.names():
            here = (*above, name)
            if (found := self.stat(name)) is not None:
                yield here, found.st_size
            elif self.has_folder(name):
                with self.below((name,)) as folder:
                    yield from folder.files(here) if folder is not None else ()

    @contextlib.contextmanager
    def locked(self, name: str) -> Generator[None]:
        """Hold a lock file; other processes and threads wait for it."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(name, flags, 0o600, dir_fd=self._descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def opened(path: Path) -> Generator[Folder]:
    """Open a folder by its path, making it when needed; here alone links are followed."""
    path.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, _FOLDER & ~os.O_NOFOLLOW)
    try:
        yield Folder(descriptor)
    finally:
        os.close(descriptor)


def _step(descriptor: int, part: str, *, make: bool) -> int | None:
    if make:
        with contextlib.suppress(FileExistsError):
            os.mkdir(part, 0o700, dir_fd=descriptor)
    try:
        return os.open(part, _FOLDER, dir_fd=descriptor)
    except OSError as error:
        if make and error.errno in _NOT_THERE:
            raise NotAFolder(part) from error
        return _none_if_missing(error)


def _none_if_missing(error: OSError) -> None:
    if error.errno not in _NOT_THERE:
        raise error
