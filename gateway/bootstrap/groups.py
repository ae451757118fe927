"""Settings → groups of agents, each with its way of working together."""

from __future__ import annotations

from datetime import timedelta

from gateway.domain.teams import GroupLimits, Watch
from gateway.ports import Coordination
from gateway.settings import Settings
from gateway.settings.groups import GroupSettings
from gateway.teamwork import Group


def groups(settings: Settings) -> dict[str, Group]:
    """Return the groups by name."""
    return {
        group.name: Group(
            _strategy(group),
            GroupLimits(group.steps, timedelta(seconds=group.wait_seconds), group.is_heard),
            Watch(group.watches, group.every) if group.watches else None,
        )
        for group in settings.groups
    }


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
