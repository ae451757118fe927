"""Settings → groups of agents, each with its way of working together."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from gateway.domain.teams import Custom, GroupLimits, Untended, Watch
from gateway.errors import SettingsWrong
from gateway.groups import Group
from gateway.ports import Coordination
from gateway.settings import Settings
from gateway.settings.groups import GroupSettings

log = logging.getLogger(__name__)

RULES = "postern.tending"
"""The entry points by which other packages say when a sleeptime group works."""


def groups(settings: Settings) -> dict[str, Group]:
    """Return the groups by name."""
    return {
        group.name: Group(
            _strategy(group),
            GroupLimits(group.steps, timedelta(seconds=group.wait_seconds), group.is_heard),
            _watch(group, group.watches) if group.watches else None,
        )
        for group in settings.groups
    }


def _watch(group: GroupSettings, role: str) -> Watch:
    return Watch(
        role,
        every=group.turns_between,
        characters=group.characters,
        after=_seconds(group.after_seconds),
        quiet=_seconds(group.quiet_seconds),
        custom=custom_rule(group.when) if group.when else None,
    )


def _seconds(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def custom_rule(name: str, points: Iterable[EntryPoint] | None = None) -> Custom:
    """Load a rule of another package; where it fails, it is not time.

    Raises SettingsWrong when no installed package has it, or it can not be loaded.
    """
    found = entry_points(group=RULES) if points is None else points
    point = next((each for each in found if each.name == name), None)
    if point is None:
        raise SettingsWrong(f'No installed package has a rule "{name}" under "{RULES}".')
    try:
        rule = cast("Custom", point.load())  # what it is, its package has to know
    except Exception as error:  # a package's own fault, told to the operator
        raise SettingsWrong(
            f'The rule "{name}" ({point.value}) can not be used: {error}'
        ) from error

    def is_time(untended: Untended, now: datetime) -> bool:
        try:
            return bool(rule(untended, now))
        except Exception:  # a package's own fault: neither a turn nor the loop may end by it
            log.exception("tending_rule_failed", extra={"rule": name})
            return False

    return is_time


def _strategy(group: GroupSettings) -> Coordination:
    from agents.coordination.dynamic import Dynamic
    from agents.coordination.pipeline import OnFailure, Pipeline
    from agents.coordination.round_robin import RoundRobin
    from agents.coordination.sleeptime import Sleeptime
    from agents.coordination.supervisor import Supervisor
    from agents.coordination.voting import Voting

    match group.strategy:
        case "supervisor":
            return Supervisor(group.supervisor or "", group.members, group.rounds)
        case "round-robin":
            return RoundRobin(group.members, group.speakers)
        case "pipeline":
            return Pipeline(group.staged, OnFailure(group.on_failure), group.fallback)
        case "dynamic":
            return Dynamic(group.members, group.spoken, group.supervisor)
        case "voting":
            quorum = group.quorum or len(group.members) // 2 + 1
            return Voting(group.members, quorum, group.tie_break)
        case "sleeptime":
            return Sleeptime(group.members)
