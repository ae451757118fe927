"""Where schedules are made and changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.bootstrap.choices import routes
from gateway.ports import Clock, Store
from gateway.settings import Settings

if TYPE_CHECKING:
    from scheduler.desk import Desk
    from scheduler.roster_desk import RosterDesk


PLATFORMS = ("discord", "slack", "web")
"""Where a schedule can wake an agent: places that last, unlike a terminal."""


@dataclass(frozen=True, slots=True)
class Desks:
    """Where schedules are made and changed."""

    schedules: Desk
    rosters: RosterDesk


def desks(settings: Settings, store: Store, clock: Clock) -> Desks:
    """Return where schedules are made and changed, by commands and by agents."""
    from scheduler.desk import Desk
    from scheduler.roster_desk import RosterDesk

    desk = Desk(store, routes(settings), PLATFORMS, clock)
    return Desks(desk, RosterDesk(desk, store.people, list(routes(settings)), clock))
