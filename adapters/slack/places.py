"""Where something came from: which installation of the app, and whose people. Pure.

In an organisation (Enterprise Grid) user ids are the organisation's, so its people are the same
in all of its teams; and an app that it installed for all of them has one token for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from gateway.domain.conversations import Conversation

HearsAll = Callable[[Conversation], bool]
"""Whether everything that is written in a channel is said to the app."""


def nowhere(place: Conversation) -> bool:
    """Hear what mentions the app alone."""
    return False


@dataclass(frozen=True, slots=True)
class Place:
    """A workspace as an event names it."""

    team: str
    """The workspace of its conversations: the team, or the organisation that installed the app."""
    people: str
    """The workspace of its people: the organisation's, when the team is in one."""
    teams: frozenset[str]
    """The ids by which members are known to be at home here."""
    app_user: str | None = None
    """Who the app is there."""
    hears_all: HearsAll = nowhere

    def home_of(self, team: str | None) -> str:
        """Return the workspace of somebody of this team: in shared channels some are guests."""
        return self.people if team is None or team in self.teams else team


@lru_cache(maxsize=4096)
def place_of(
    team: str | None, enterprise: str | None, *, is_org_wide: bool, app_user: str | None = None
) -> Place:
    """Return the place; most are met again and again. Raises ValueError for one without any id."""
    installed_in = enterprise if is_org_wide and enterprise else team or enterprise
    if not installed_in:
        raise ValueError("There is neither a team nor an organisation.")
    teams = frozenset(name for name in (team, enterprise) if name)
    return Place(installed_in, enterprise or installed_in, teams, app_user)
