"""What agents and people made: bytes under a key, known by the digest of their contents."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from gateway.domain.people import Identity, person_id_of

_LONGEST_NAME = 80
_NOT_IN_NAMES = frozenset('/\\:*?"<>|')
_PICTURES = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
}
"""How the pictures begin that people, platforms and the usual models see."""


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

    @property
    def is_recording(self) -> bool:
        """Whether it is something to listen to."""
        return self.media_type.startswith("audio/")

    @property
    def is_picture(self) -> bool:
        """Whether browsers draw it and never run anything in it; an SVG may bring a script."""
        return self.media_type in _PICTURES


@dataclass(frozen=True, slots=True)
class Transcript:
    """What is said in a recording, as a machine wrote it down: it may have misheard."""

    text: str
    """Empty when nothing is said in it."""
    artifact: str
    """Where it is kept."""


@dataclass(frozen=True, slots=True)
class NotHeard:
    """A recording whose words nobody could write down."""

    reason: str
    """Reads on after "because": `it took too long`."""


Heard = Transcript | NotHeard


def attachment_key(sender: Identity, message: str, index: int, name: str) -> str:
    """Return where the `index`-th file of a person's message is kept, the same in every repeat.

    `message` is the platform's id of it. The name is what somebody chose, so only
    what may stand in a key is kept of it.
    """
    plain = (sign if sign.isprintable() and sign not in _NOT_IN_NAMES else "_" for sign in name)
    shown = "".join(plain).strip(" .")[-_LONGEST_NAME:] or "file"
    place = "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in message)
    return f"{person_id_of(sender)}/{sender.platform}/{place}/{index}-{shown}"


def transcript_key(recording: str) -> str:
    """Return where the words of a recording are kept: in its own folder, under its own number.

    What people send is called `<number>-<name>`, so nothing that they choose meets it.
    """
    folder, _, name = recording.rpartition("/")
    return f"{folder}/{name.partition('-')[0]}.transcript.txt"


def picture_type(data: bytes) -> str | None:
    """Return the media type of a picture by how it begins; None for what is no such picture."""
    return next((kind for kind, start in _PICTURES.items() if start.match(data)), None)
