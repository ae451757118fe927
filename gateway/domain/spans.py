"""A stretch of time in a trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time. The same stretch always has the same ids, whoever draws it."""

    name: str
    trace: str
    """32 hex digits; the last 16 are the `trace` of log lines."""
    id: str
    """16 hex digits."""
    parent: str | None
    began: datetime
    ended: datetime
    facts: Mapping[str, str | int]
    failure: str | None = None
    """Why it did not end as it should."""
