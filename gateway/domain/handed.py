"""A platform's request on its way from where it was verified to where it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SLACK = "/slack/events"
DISCORD = "/discord/interactions"
PATHS = (SLACK, DISCORD)
"""Where platforms send what a store can keep for its door."""


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


VERIFIED = "postern.verified"
"""Among the extensions of an ASGI scope: only the process itself can put it there, no request."""


def was_verified(scope: Mapping[str, Any]) -> bool:
    """Whether a request was verified where it arrived, and comes by way of this process."""
    return VERIFIED in (scope.get("extensions") or {})
