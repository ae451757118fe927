"""Schedules as an `agents.json` roster: read into wishes, and written from schedules. Pure.

The fields are agent_id, name, autonomous_enabled, wakeup_schedule, wakeup_prompt,
data_sources and max_actions_per_wakeup; timezone, conversation and owner are ours.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.domain.ids import AgentId
from gateway.domain.schedules import NewSchedule, RosterDefaults, Schedule, Timing
from gateway.errors import BadInput
from scheduler.triggers import Cron, Every, parse_trigger
from scheduler.wakeups import DEFAULT_PROMPT

DEFAULT_SCHEDULE = "*/15 * * * *"


class RosterAgent(BaseModel):
    """One agent of the roster."""

    model_config = ConfigDict(extra="allow", strict=True)

    agent_id: str | None = None
    name: str
    autonomous_enabled: bool = False
    wakeup_schedule: str = DEFAULT_SCHEDULE
    wakeup_prompt: str = DEFAULT_PROMPT
    data_sources: list[str] = []
    max_actions_per_wakeup: int | None = None
    timezone: str | None = None
    conversation: str | None = None
    owner: str | None = None


class _Roster(BaseModel):
    agents: list[object]


@dataclass(frozen=True, slots=True)
class RosterWish:
    """What a roster asks for: a schedule, and the agent that it wakes."""

    schedule: NewSchedule
    agent: AgentId | None
    is_enabled: bool
    ignored: tuple[str, ...]
    """Fields that nobody here knows."""


def read_roster(text: str) -> list[object]:
    """Return the entries of a roster, not read yet; raises BadInput for what is none."""
    try:
        return _Roster.model_validate_json(text).agents
    except ValidationError as error:
        raise BadInput(f"This is no agents.json: {_fault(error)}.") from None


def read_agent(entry: object) -> RosterAgent:
    """Return one agent of a roster; raises BadInput that names the place of a fault."""
    try:
        return RosterAgent.model_validate(entry)
    except ValidationError as error:
        raise BadInput(f"{_fault(error)}.") from None


def say_agent(entry: object, number: int) -> str:
    """Return how an entry is called in a report."""
    name = cast("dict[str, object]", entry).get("name") if isinstance(entry, dict) else None
    return f'"{name}"' if isinstance(name, str) else f"Agent {number}"


def _fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in fault["loc"]) or "it"
    return f"{place}: {fault['msg']}"


def to_wish(agent: RosterAgent, defaults: RosterDefaults, roles: Sequence[str]) -> RosterWish:
    """Return what the roster asks for this agent; raises BadInput."""
    conversation = agent.conversation or defaults.conversation
    if conversation is None:
        raise BadInput(
            f'The roster does not say where "{agent.name}" answers; name a conversation with --to.'
        )
    wish = NewSchedule(
        name=agent.name,
        timing=Timing(agent.timezone or defaults.zone, cron=agent.wakeup_schedule),
        conversation=conversation,
        prompt=agent.wakeup_prompt,
        owner=agent.owner or defaults.owner,
        role=agent.name if agent.name in roles else None,
        data_sources=tuple(agent.data_sources),
        max_actions=agent.max_actions_per_wakeup,
    )
    ignored = tuple(sorted(agent.model_extra or ()))
    bound = AgentId(agent.agent_id) if agent.agent_id else None
    return RosterWish(wish, bound, agent.autonomous_enabled, ignored)


def to_roster_agent(schedule: Schedule, agent: AgentId | None) -> RosterAgent | None:
    """Return the schedule's line of a roster; None for what a roster can not say."""
    trigger, wakeup = parse_trigger(schedule.trigger, schedule.zone), schedule.wakeup
    expression = None
    match trigger:
        case Cron(expression):
            pass
        case Every(seconds) if seconds % 60 == 0 and 3600 % seconds == 0:
            expression = f"*/{seconds // 60} * * * *" if seconds < 3600 else "0 * * * *"
        case _:
            pass
    if expression is None or wakeup is None:
        return None
    return RosterAgent(
        agent_id=agent,
        name=schedule.name or schedule.id,
        autonomous_enabled=not schedule.is_paused,
        wakeup_schedule=expression,
        wakeup_prompt=wakeup.prompt,
        data_sources=list(wakeup.data_sources),
        max_actions_per_wakeup=wakeup.max_actions,
        timezone=schedule.zone,
        conversation=wakeup.conversation.id,
        owner=wakeup.owner.identity.key if wakeup.owner else None,
    )


def write_roster(agents: Sequence[RosterAgent]) -> str:
    """Return the text of an `agents.json`."""
    shown = [agent.model_dump(exclude_none=True) for agent in agents]
    return json.dumps({"agents": shown}, indent=2, ensure_ascii=False) + "\n"
