"""What the admin API is sent, checked once where it enters, and turned into the hub's words."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.domain.schedules import Misfire, NewSchedule, Outside, Rules, Timing
from gateway.errors import BadInput

_RULES = Rules()


class ApiBody(BaseModel):
    """What every body is: nothing but what is known, no infinite numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class MessageBody(ApiBody):
    """`POST /api/v1/messages`."""

    conversation: str
    text: str
    id: str | None = None
    """The idempotency key, where no `Idempotency-Key` header tells it."""


class BroadcastBody(ApiBody):
    """`POST /api/v1/broadcasts`."""

    text: str
    id: str | None = None
    """The idempotency key, where no `Idempotency-Key` header tells it."""
    platform: str | None = None


class PauseBody(ApiBody):
    """`POST /api/v1/schedules/{id}/pause`; may be left out."""

    until: str | None = None


class ScheduleBody(ApiBody):
    """`POST /api/v1/schedules`: the options of `postern schedule add`, by the names of `--json`."""

    name: str
    conversation: str
    prompt: str
    timezone: str = "UTC"
    cron: str | None = None
    every: str | None = None
    at: str | None = None
    owner: str | None = None
    agent: str | None = None
    misfire: Misfire = _RULES.misfire
    grace_seconds: float = _RULES.grace_seconds
    max_catch_up: int = _RULES.max_catch_up
    jitter_seconds: int = _RULES.jitter_seconds
    active_from: str | None = None
    active_to: str | None = None
    quiet_days: tuple[str, ...] = ()
    outside: Outside = _RULES.outside
    skip_busy: bool = False
    skip_recent_seconds: int = 0
    heartbeat: bool = False
    silent: bool = False
    data_sources: tuple[str, ...] = Field(default=(), max_length=20)
    max_actions: int | None = None

    def wish(self) -> NewSchedule:
        """Return the schedule that is wished for; not checked yet."""
        return NewSchedule(
            name=self.name,
            timing=Timing(self.timezone, self.cron, self.every, self.at),
            conversation=self.conversation,
            prompt=self.prompt,
            owner=self.owner,
            role=self.agent,
            rules=Rules(
                misfire=self.misfire,
                grace_seconds=self.grace_seconds,
                max_catch_up=self.max_catch_up,
                jitter_seconds=self.jitter_seconds,
                active_from=self.active_from,
                active_to=self.active_to,
                quiet_days=self.quiet_days,
                outside=self.outside,
                skip_busy=self.skip_busy,
                skip_recent_seconds=self.skip_recent_seconds,
                heartbeat=self.heartbeat,
                silent=self.silent,
            ),
            data_sources=self.data_sources,
            max_actions=self.max_actions,
        )


Body = TypeVar("Body", bound=ApiBody)


def parse_body(kind: type[Body], raw: bytes) -> Body:
    """Read a JSON body; raises BadInput that names the place of the fault."""
    try:
        return kind.model_validate_json(raw or b"{}")
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in fault["loc"]) or "The body"
        raise BadInput(f"{place}: {fault['msg']}.") from None
