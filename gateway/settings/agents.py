"""The agents of the settings, and the wakeups by which they come back by themselves."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from gateway.domain.people import Mode
from gateway.domain.schedules import Misfire, Outside
from gateway.settings.kinds import (
    IdentityKey,
    ModelHandle,
    Place,
    PlacePart,
    Prompt,
    RoleName,
    Section,
    SomeSeconds,
    Who,
    check_apart,
    rule,
)

_PERSONA = (
    "I am Postern, a calm and helpful companion. I remember what people tell me, keep my promises, "
    "say so when I do not know something, and answer in the language I am spoken to."
)
_HUMAN = "Their name is {name}.\nThey write from {identities}."
BLOCK_LIMIT = 5_000
"""Characters of the persona and of what is known of the person."""


class WakeupSettings(Section):
    """One schedule of an agent, as `postern schedule add` would make it."""

    name: Prompt = Field(description="Its name among all schedules", examples=["papers"])
    to: Place = Field(
        description="Conversation that it wakes, as platform:workspace:channel",
        examples=["discord:dm:99"],
    )
    prompt: Prompt = Field(description="What the agent is told", examples=["Look for new papers."])
    cron: str | None = Field(default=None, description="When, as a cron line; or `every`, or `at`")
    every: str | None = Field(default=None, description="When, as an interval: 15m")
    at: str | None = Field(
        default=None,
        description="When, as a phrase: every weekday 8:30",
        examples=["every weekday 8:30"],
    )
    timezone: str = Field(
        default="UTC", description="IANA time zone of the times, or person for the owner's"
    )
    owner: IdentityKey | None = Field(
        default=None,
        description="Whose agent wakes, as platform:workspace:user; else who wrote there last",
    )
    data_sources: tuple[str, ...] = Field(default=(), description="What it is handed that is new")
    max_actions: int | None = Field(default=None, ge=0, description="Tool calls of one wakeup")
    misfire: Misfire = Field(
        default=Misfire.ONE, description="What becomes of missed slots: skip, one or all"
    )
    jitter_seconds: int = Field(default=0, ge=0, le=86_400, description="Spreads its slots")
    active: str | None = Field(default=None, description="Active hours, as 08:00-22:00")
    quiet_days: tuple[str, ...] = Field(default=(), description="Days of rest: sat, sun")
    outside: Outside = Field(
        default=Outside.SKIP, description="Slots outside the hours: skip or defer"
    )
    silent: bool = Field(default=False, description="Posts nothing; it works by its tools")
    heartbeat: bool = Field(
        default=False, description="Wakes only when a data source holds something new"
    )
    skip_busy: bool = Field(default=False, description="Passed over while the agent is at work")
    skip_recent_seconds: int = Field(
        default=0, ge=0, le=604_800, description="Passed over so long after somebody wrote there"
    )


class SourceSettings(Section):
    """What the data sources of wakeups may be."""

    private: bool = Field(
        default=False, description="Fetch from private and loopback addresses too"
    )
    limit_bytes: int = Field(
        default=1_000_000, ge=1, le=50_000_000, description="The most that is read from one"
    )
    timeout_seconds: SomeSeconds = Field(default=15.0, description="How long one may take")


class BlockSettings(Section):
    """One block of an agent's memory, always before its eyes."""

    label: RoleName = Field(description="Its name", examples=["active_context"])
    value: str = Field(default="", description="What stands in it at first")
    limit: int = Field(default=2_000, ge=1, le=100_000, description="Characters it may have")
    description: str | None = Field(default=None, description="What the agent keeps there")
    read_only: bool = Field(default=False, description="Whether the agent may not change it")

    @model_validator(mode="after")
    def _keep_the_limit(self) -> Self:
        if len(self.value) > self.limit:
            raise rule(_too_long(f'The block "{self.label}"', self.value, self.limit))
        return self


class SharedBlockSettings(BlockSettings):
    """One block that all agents of a person see, and may change."""

    label: RoleName = Field(description="Its name", examples=["current_state"])


def _too_long(what: str, text: str, limit: int) -> str:
    return f"{what} has {len(text):,} characters, and {limit:,} are the most. Shorten it."


class AgentSettings(Section):
    """One agent that people can talk to. The first one is the default."""

    name: RoleName = Field(description="Its name, by which people address it", examples=["postern"])
    persona: str = Field(default=_PERSONA, description="Who it is, in its own words")
    system: str | None = Field(
        default=None, description="Instructions in the place of the server's own"
    )
    human: str = Field(
        default=_HUMAN,
        description="What it knows of its person at first: {name}, {identities}; a line whose "
        "word is not known is left out",
    )
    server_tools: tuple[str, ...] = Field(
        default=(), description="Tools on the Letta server that it is given"
    )
    shared: bool = Field(
        default=False, description="One agent for all people, not one for each of them"
    )
    access: tuple[Who, ...] = Field(
        default=(),
        description="Who may use it, written as in access.allow; everybody who may talk when empty",
    )
    model: str | None = Field(default=None, description="Its model; letta.model when not set")
    models: tuple[ModelHandle, ...] | None = Field(
        default=None, description="What people may choose for it; letta.models when not set"
    )
    posts: tuple[Place, ...] = Field(
        default=(), description="Where else it may post: discord:G:C, slack:T:C …"
    )
    tools: tuple[str, ...] | None = Field(
        default=None, description="The only tools it may use; all of them when not set"
    )
    blocks: tuple[BlockSettings, ...] = Field(default=(), description="What else it remembers")
    shared_blocks: tuple[SharedBlockSettings, ...] = Field(
        default=(), description="What all agents of a person remember together"
    )
    wakeups: tuple[WakeupSettings, ...] = Field(
        default=(), description="When it comes back by itself"
    )

    @model_validator(mode="after")
    def _keep_texts_in_their_limits(self) -> Self:
        for label, text in (("persona", self.persona), ("human", self.human)):
            if len(text) > BLOCK_LIMIT:
                raise rule(_too_long(f'The {label} of the agent "{self.name}"', text, BLOCK_LIMIT))
        every = (*self.blocks, *self.shared_blocks)
        labels = ["persona", "human", *(block.label for block in every)]
        for block in every:
            if labels.count(block.label) > 1:
                raise rule(f'The agent "{self.name}" has two blocks called "{block.label}".')
        return self


class BindingSettings(Section):
    """One rule that binds places or people to an agent. The most specific rule decides."""

    agent: RoleName | None = Field(default=None, description="Which agent; the first when not set")
    mode: Mode = Field(
        default=Mode.PERSON,
        description="Whose the agent is there: person, channel, thread, or shared by all",
    )
    platform: Literal["discord", "slack", "web", "console"] | None = Field(
        default=None, description="Where it holds; everywhere when not set"
    )
    workspace: PlacePart | None = Field(
        default=None, description="Slack team or Discord guild (dm for direct messages)"
    )
    channel: PlacePart | None = Field(default=None, description="Channel in the workspace")
    thread: PlacePart | None = Field(default=None, description="Thread in the channel")
    people: tuple[Who, ...] = Field(
        default=(), description="Whom it is about, written as in access.allow; all when empty"
    )

    @model_validator(mode="after")
    def _name_the_place_from_above(self) -> Self:
        parts = ("platform", "workspace", "channel", "thread")
        for above, below in pairwise(parts):
            if getattr(self, below) is not None and getattr(self, above) is None:
                raise rule(f"A [[bindings]] rule with {below} needs {above} too.")
        return self


def _check_shared_blocks(agents: tuple[AgentSettings, ...]) -> None:
    """Agents that share a block have to say the same of it."""
    known: dict[str, SharedBlockSettings] = {}
    for block in (block for agent in agents for block in agent.shared_blocks):
        if known.setdefault(block.label, block) != block:
            raise rule(f'Two agents describe the shared block "{block.label}" differently.')


def _named_apart(agents: tuple[AgentSettings, ...]) -> tuple[AgentSettings, ...]:
    check_apart("[[agents]]", [agent.name for agent in agents])
    wakeups = [wakeup.name for agent in agents for wakeup in agent.wakeups]
    check_apart("[[agents.wakeups]]", wakeups)
    _check_shared_blocks(agents)
    return agents


Agents = Annotated[tuple[AgentSettings, ...], AfterValidator(_named_apart)]

Bindings = tuple[BindingSettings, ...]
