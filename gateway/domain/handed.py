"""A platform's request on its way from where it was verified to where it is read."""

from __future__ import annotations

from dataclasses import dataclass

SLACK = "/slack/events"
DISCORD = "/discord/interactions"


@dataclass(frozen=True, slots=True)
class Handed:
    """A request whose signature was verified on the raw body."""

    path: str
    headers: tuple[tuple[str, str], ...]
    """Those that its door reads; names in lower case."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """A request that waits in the store for its door."""

    number: int
    """Grows in the order in which requests came."""
    handed: Handed
