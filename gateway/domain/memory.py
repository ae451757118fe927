"""What agents keep before their eyes, and what people changed of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.domain.ids import AgentId, PersonId


@dataclass(frozen=True, slots=True)
class MemoryBlock:
    """One labelled part of an agent's core memory."""

    label: str
    value: str
    limit: int
    """Characters that the value may have."""
    description: str = ""
    is_read_only: bool = False


@dataclass(frozen=True, slots=True)
class Passage:
    """One entry of an agent's archival memory, which it looks up when it needs it."""

    id: str
    text: str
    at: datetime | None = None
    """When it was written; None where the server does not tell."""


class Ingestion(StrEnum):
    """How far an agent's server is with a file."""

    READING = "reading"
    READY = "ready"
    """The agent finds what is in it."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file that an agent looks things up in."""

    name: str
    size_bytes: int
    ingestion: Ingestion
    why: str = ""
    """Why it could not be read, in the words of the agent's server."""


@dataclass(frozen=True, slots=True)
class MemoryEdit:
    """A change that a person made, kept so that it can be undone."""

    agent: AgentId
    label: str
    before: str
    after: str
    person: PersonId
    at: datetime


PERSONA = "persona"
"""The block that is the template's: how full it is, the operator decides."""
NEARLY_FULL = 0.9
"""Of its limit; an agent that meets the limit itself can write no more."""


def nearly_full(blocks: Iterable[MemoryBlock]) -> tuple[str, ...]:
    """Return a sentence on each block in which an agent has hardly room left to write."""
    return tuple(
        f'the block "{block.label}" is {len(block.value) / block.limit:.0%} full: '
        f"{len(block.value):,} of {block.limit:,} characters"
        for block in blocks
        if not block.is_read_only
        and block.label != PERSONA
        and len(block.value) >= NEARLY_FULL * block.limit > 0
    )
