"""Settings of turns: their limits, what a day may cost, and what people see and decide."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from gateway.settings.kinds import (
    Age,
    IdentityKey,
    Place,
    Seconds,
    Section,
    SomeSeconds,
    must_be,
)
from gateway.tool_lines import ToolLevel


class TurnSettings(Section):
    """How messages become turns, and the limits of a turn."""

    quiet_seconds: Seconds = Field(
        default=0.0, description="Silence to wait for, so that a burst becomes one turn"
    )
    max_wait_seconds: Seconds = Field(
        default=10.0, description="However much comes, no message waits longer for silence"
    )
    lease_seconds: SomeSeconds = Field(
        default=30.0,
        description="How long a dead worker's turns, and its ear on Discord, stay with it",
    )
    max_in_flight: int = Field(
        default=2_000, ge=1, le=100_000, description="Turns that one process runs at once"
    )
    per_person: int = Field(
        default=4,
        ge=1,
        le=100_000,
        description="Turns of one person that all processes together run at once",
    )
    max_backlog: int = Field(
        default=100_000,
        ge=1,
        description="While so many messages wait, platforms are told to send again later",
    )
    max_attempts: int = Field(
        default=5, ge=1, le=100, description="Tries of a turn that fails in a way not foreseen"
    )
    deadline_seconds: SomeSeconds = Field(
        default=900.0, description="A turn that runs longer is stopped"
    )
    max_tool_rounds: int = Field(
        default=16, ge=1, le=1_000, description="Rounds of tool calls in one turn"
    )
    parallel_calls: int = Field(
        default=8, ge=1, le=100, description="Tool calls of one turn that are made at once"
    )
    same_calls: int = Field(
        default=4, ge=1, le=100, description="Times one turn may make the very same tool call"
    )
    late_seconds: Age = Field(
        default=3_600.0, description="An answer that comes later than this says so; 0 for never"
    )
    unsent_seconds: Age = Field(
        default=86_400.0,
        description="An answer that could not be sent for so long is kept, and that is said; "
        "0 sends it however old",
    )
    quoted_messages: int = Field(
        default=0,
        ge=0,
        le=50,
        description="Messages that people wrote before in a channel or thread, which an agent is "
        "quoted when it is spoken to there; none without a number",
    )
    tool_lines: ToolLevel = Field(
        default=ToolLevel.SUMMARY,
        description="What people see of slow tools while they run: off, summary or all",
    )


class ApprovalSettings(Section):
    """Tool calls that are made only after somebody said yes."""

    tools: tuple[str, ...] = Field(
        default=(), description="Tools that need a yes, beside those that ask for it themselves"
    )
    approvers: tuple[IdentityKey, ...] = Field(
        default=(),
        description="Who decides, as platform:workspace:user; without any, each person for "
        "their own agents",
    )
    channel: Place | None = Field(
        default=None,
        description="Conversation where the approvers read what is asked elsewhere; without one "
        "they are asked in their direct messages",
        examples=["slack:T1:C2"],
    )
    timeout_seconds: SomeSeconds = Field(
        default=3_600.0, description="Without a decision in this time it is a no"
    )


def _host(value: str) -> str:
    if re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*", value.lower()):
        return value.lower()
    raise must_be('the name of a host such as "images.example.org"')


class CanvasSettings(Section):
    """What agents show beside words."""

    picture_hosts: tuple[Annotated[str, AfterValidator(_host)], ...] = Field(
        default=(),
        description="Hosts whose pictures Discord and Slack may load; those of others are links, "
        "for an address can carry away what an agent knows",
    )


class BudgetSettings(Section):
    """What a day (UTC) may cost; without a number there is no limit."""

    person_turns: int | None = Field(default=None, ge=1, description="Turns of one person")
    person_tokens: int | None = Field(
        default=None, ge=1, description="Tokens of one person, with all their agents"
    )
    agent_turns: int | None = Field(
        default=None, ge=1, description="Turns of one agent, with all people"
    )
    agent_tokens: int | None = Field(
        default=None, ge=1, description="Tokens of one agent, with all people"
    )
    schedule_turns: int | None = Field(default=None, ge=1, description="Wakeups of one schedule")
    schedule_tokens: int | None = Field(default=None, ge=1, description="Tokens of one schedule")
    unlimited: tuple[IdentityKey, ...] = Field(
        default=(), description="People without a budget of their own, as platform:workspace:user"
    )
