"""The first file in a backup: what is in it, when it was made, and by which Postern."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from gateway.errors import BadInput

NAME = "manifest.json"
MESSAGES = "postern.db"
FILES = "artifacts"
PARTS = frozenset({MESSAGES, "letta.db", "terminal.token", FILES})
FORMAT = 1
SIZE_BYTES = 4096
"""Filled up with spaces: it is written last, into the place that is kept for it."""


class Part(BaseModel):
    """A file of the backup, or of the artifacts all."""

    model_config = ConfigDict(frozen=True)

    size_bytes: int = Field(ge=0)
    sha256: str
    """Of the artifacts: of the lines `<sha256 of a file>  <its name>`, in the backup's order."""
    schema_version: int | None = None
    files: int = Field(default=1, ge=0)


class Manifest(BaseModel):
    """All about a backup."""

    model_config = ConfigDict(frozen=True)

    format: int
    postern: str
    """The version that made it."""
    made_at: AwareDatetime
    parts: dict[str, Part]


def write_manifest(manifest: Manifest) -> bytes:
    """Return it as it stands in a backup."""
    return manifest.model_dump_json(indent=1, exclude_none=True).encode().ljust(SIZE_BYTES)


def parse_manifest(data: bytes) -> Manifest:
    """Return what it says. Raises BadInput for one that is foreign, or of a newer Postern."""
    try:
        manifest = Manifest.model_validate_json(data)
    except ValidationError as error:
        raise BadInput("it has no manifest of Postern's") from error
    if manifest.format > FORMAT:
        raise BadInput("a newer Postern made it; upgrade Postern first")
    if strange := manifest.parts.keys() - PARTS:
        raise BadInput(f"it has parts that Postern does not know: {', '.join(sorted(strange))}")
    return manifest
