"""Where files are kept."""

from __future__ import annotations

from typing import Final, Protocol

from gateway.domain.artifacts import Artifact, Contents

ABSENT: Final = ""
"""The ETag of what is not there."""


class ArtifactStore(Protocol):
    """Files of agents and people. A key's first part is its owner, whose quota it counts in.

    Every method raises BadInput for a key that could lead out of its owner's
    folder, and StoreUnavailable when the files can not be read or written.
    """

    async def save(
        self, key: str, data: bytes, media_type: str | None = None, *, replaces: str | None = None
    ) -> Artifact:
        """Store it whole or not at all; readers see the old contents or the new ones.

        Saving the same bytes again makes no new version. Without a media type it
        is guessed from the name. With `replaces`, raises BadInput unless the
        contents there have this ETag; ABSENT is that of no contents. Raises
        BadInput over a limit or a folder.
        """
        ...

    async def load(self, key: str, version: int | None = None) -> Contents | None:
        """Return the newest contents, or an older version of which few are kept; None if gone."""
        ...

    async def list(self, folder: str, after: str | None = None, limit: int = 100) -> list[Artifact]:
        """Return what is in the folder and below it, by key; `after` is a page's last key.

        A folder is whole parts of keys: "a" holds "a/x", and never "a2/x".
        """
        ...

    async def delete(self, key: str) -> bool:
        """Remove it with all its versions; False when it was not there."""
        ...
