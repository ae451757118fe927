"""What agents and people made: bytes under a key, known by the digest of their contents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Artifact:
    """All about it but its bytes."""

    key: str
    """`<owner>/<name>`, `<owner>/<folder>/<name>` …; the owner is an agent's or a person's id."""
    size_bytes: int
    etag: str
    """SHA-256 of the contents, in hex: the same bytes have the same one."""
    media_type: str
    version: int
    """Counts the changes of its contents, from 1; starts anew after a deletion."""
    saved_at: datetime


@dataclass(frozen=True, slots=True)
class Contents:
    """An artifact with its bytes."""

    artifact: Artifact
    data: bytes


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that comes or goes with a message."""

    name: str
    media_type: str
    size_bytes: int
    artifact: str
    """Where the artifact store keeps it."""
