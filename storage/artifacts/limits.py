"""How much an owner may keep, and how much of it is history."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import BadInput


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes are in bytes."""

    artifact_bytes: int = 50_000_000
    owner_bytes: int = 1_000_000_000
    """All contents of one owner together, older versions among them."""
    owner_files: int = 10_000
    older_versions: int = 3
    """How many versions before the newest are kept of each artifact."""

    def check_size(self, size: int) -> None:
        """Raise BadInput for an artifact that is too large by itself."""
        if size > self.artifact_bytes:
            raise BadInput(
                f"{size:,} bytes are too many: a file has {self.artifact_bytes:,} at most."
            )

    def check_owner(self, owner: str, used_bytes: int, files: int) -> None:
        """Raise BadInput when the owner would keep more than is allowed."""
        if used_bytes > self.owner_bytes:
            raise BadInput(
                f'The files of "{owner}" would take {used_bytes:,} bytes with this one; '
                f"{self.owner_bytes:,} are allowed. Delete some first."
            )
        if files > self.owner_files:
            raise BadInput(
                f'"{owner}" has {self.owner_files:,} files, the most that are allowed. '
                "Delete some first."
            )


def check_unchanged(key: str, etag: str, replaces: str | None) -> None:
    """Raise BadInput for contents, by their ETag, that are not those to be replaced."""
    if replaces not in (None, etag):
        raise BadInput(f'"{key}" is not what it was when you read it. Read it again, then save.')


def in_the_way(key: str) -> BadInput:
    """Return the error for a name that is a file and a folder at once."""
    return BadInput(f'"{key}" can not be saved: a file and a folder would have the same name.')
