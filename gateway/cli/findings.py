"""What the doctor finds: one part, how it is, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One part that was looked at."""

    part: str
    outcome: Literal["ok", "warning", "wrong"]
    sentence: str
    remedy: str | None = None
    """What to do; None when there is nothing to do."""


def ok(part: str, sentence: str) -> Finding:
    """Return a finding without a fault."""
    return Finding(part, "ok", sentence)


def warning(part: str, sentence: str, remedy: str) -> Finding:
    """Return a finding that works, but not as somebody may expect."""
    return Finding(part, "warning", sentence, remedy)


def wrong(part: str, sentence: str, remedy: str) -> Finding:
    """Return a finding that keeps the gateway from working."""
    return Finding(part, "wrong", sentence, remedy)
