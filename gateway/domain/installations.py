"""Where a platform has let the app in by OAuth: one grant for each workspace."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Installation:
    """The app in one workspace. What it may do there is sealed: only its adapter can read it."""

    platform: str
    workspace: str
    """The Slack team, or the enterprise that let the app into all of its teams."""
    sealed: bytes = field(repr=False)
    """The adapter's own words, tokens among them, encrypted."""
    installed_at: datetime
    revision: int = 1
    """Counts the grants: each renewal takes the place of the one before it."""
