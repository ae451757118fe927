"""Where schedules are made and changed."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.bootstrap.admission import make_access
from gateway.bootstrap.choices import routes
from gateway.bootstrap.reach import make_why_not
from gateway.domain.schedules import NewSchedule, Rules, Timing
from gateway.ports import Clock, Store
from gateway.settings import AgentSettings, Settings, WakeupSettings

if TYPE_CHECKING:
    from scheduler.desk import Desk
    from scheduler.roster_desk import RosterDesk


log = logging.getLogger(__name__)

PLATFORMS = ("discord", "slack", "web")
"""Where a schedule can wake an agent: places that last, unlike a terminal."""


@dataclass(frozen=True, slots=True)
class Desks:
    """Where schedules are made and changed."""

    schedules: Desk
    rosters: RosterDesk


async def take_wakeups(settings: Settings, store: Store, clock: Clock) -> None:
    """Bring schedules to what the settings say; what is refused is logged, the rest goes in."""
    from scheduler.settings_desk import SettingsDesk

    desk = SettingsDesk(desks(settings, store, clock).schedules, store, clock)
    wishes = [_wish(agent, wakeup) for agent in settings.agents for wakeup in agent.wakeups]
    for sentence in await desk.take(wishes):
        log.error("wakeup_refused", extra={"error": sentence})
    await follow_zones(settings, store, clock)


async def follow_zones(settings: Settings, store: Store, clock: Clock) -> None:
    """Move schedules to where the zone data of this machine puts them, if it has changed."""
    from scheduler.zone_changes import realign

    desk = desks(settings, store, clock).schedules
    if moved := await realign(desk, store.notes, clock.now()):
        log.info("zone_data_changed", extra={"schedules_moved": moved})


def _wish(agent: AgentSettings, wakeup: WakeupSettings) -> NewSchedule:
    start, _, end = (wakeup.active or "").partition("-")
    return NewSchedule(
        name=wakeup.name,
        timing=Timing(wakeup.timezone, wakeup.cron, wakeup.every, wakeup.at),
        conversation=wakeup.to,
        prompt=wakeup.prompt,
        owner=wakeup.owner,
        role=agent.name,
        rules=Rules(
            misfire=wakeup.misfire,
            jitter_seconds=wakeup.jitter_seconds,
            active_from=start.strip() or None,
            active_to=end.strip() or None,
            quiet_days=tuple(day.lower() for day in wakeup.quiet_days),
            outside=wakeup.outside,
            skip_busy=wakeup.skip_busy,
            skip_recent_seconds=wakeup.skip_recent_seconds,
            heartbeat=wakeup.heartbeat,
            silent=wakeup.silent,
        ),
        data_sources=wakeup.data_sources,
        max_actions=wakeup.max_actions,
    )


def desks(settings: Settings, store: Store, clock: Clock) -> Desks:
    """Return where schedules are made and changed, by commands and by agents."""
    from scheduler.desk import Desk
    from scheduler.roster_desk import RosterDesk

    why_not, rights = make_why_not(settings, store, clock), make_access(settings, store, clock)
    desk = Desk(store, routes(settings), PLATFORMS, clock, why_not, rights)
    return Desks(desk, RosterDesk(desk, store.people, list(routes(settings)), clock))
