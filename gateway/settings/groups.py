"""Groups of agents that answer together, as the settings describe them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from gateway.settings.kinds import RoleName, Section, SomeSeconds, check_apart, rule


class GroupSettings(Section):
    """Agents that answer together. A group is addressed as an agent is: `@team …`."""

    name: RoleName = Field(description="Its name, by which people address it", examples=["team"])
    strategy: Literal["supervisor", "round-robin", "pipeline", "dynamic", "voting", "sleeptime"] = (
        Field(description="How its members work together", examples=["round-robin"])
    )
    members: tuple[RoleName, ...] = Field(
        min_length=1,
        max_length=12,
        description="Its agents; each person's own. A supervisor is no member",
        examples=[["postern"]],
    )
    supervisor: RoleName | None = Field(
        default=None, description="Who leads a supervisor group, or chooses in a dynamic one"
    )
    rounds: int = Field(
        default=3, ge=1, le=10, description="How often a supervisor may hand out work"
    )
    speakers: int = Field(
        default=1, ge=1, le=12, description="Members that speak to one question in a round-robin"
    )
    stages: tuple[str, ...] = Field(
        default=(),
        description="Stages of a pipeline, each one member or several at once: writer, critic; "
        "without any each member is one",
    )
    on_failure: Literal["stop", "skip", "fallback"] = Field(
        default="stop", description="What a pipeline does when a member fails"
    )
    fallback: RoleName | None = Field(
        default=None, description="Who takes the place of a member of a pipeline that failed"
    )
    words: tuple[str, ...] = Field(
        default=(),
        description="What questions for a member of a dynamic group speak of: writer: poem story",
    )
    quorum: int | None = Field(
        default=None, ge=1, description="The fewest votes that decide; more than half when not set"
    )
    tie_break: RoleName | None = Field(default=None, description="Who decides a tie")
    watches: RoleName | None = Field(
        default=None, description="The agent after whose turns a sleeptime group works by itself"
    )
    every: int | None = Field(
        default=None,
        ge=1,
        le=1_000,
        description="After how many of those turns it works; 5 where nothing else says when",
    )
    characters: int | None = Field(
        default=None, ge=1, description="It works after the person wrote so much"
    )
    after_seconds: SomeSeconds | None = Field(
        default=None,
        description="It works so long after the last time, if anything was said since",
    )
    quiet_seconds: SomeSeconds | None = Field(
        default=None, description="It works once the person has said nothing for so long"
    )
    when: str | None = Field(
        default=None,
        description="A rule of your own for when it works: an entry point of postern.tending",
    )
    steps: int = Field(
        default=12, ge=1, le=32, description="Questions to members for one question to the group"
    )
    wait_seconds: SomeSeconds = Field(
        default=600.0, description="How long a member may take before it counts as unavailable"
    )
    shown: bool = Field(
        default=True, description="Whether people see what each member says, not the answer alone"
    )

    @property
    def turns_between(self) -> int | None:
        """After how many turns a group works by itself; None where other rules alone say when."""
        return 5 if self._when == (None,) * 5 else self.every

    @property
    def _when(self) -> tuple[object, ...]:
        """Every rule for when it works by itself."""
        return (self.every, self.characters, self.after_seconds, self.quiet_seconds, self.when)

    @property
    def is_heard(self) -> bool:
        """Whether people see what each member says."""
        return self.shown and self.strategy != "sleeptime"

    @property
    def staged(self) -> tuple[tuple[str, ...], ...]:
        """The stages of a pipeline."""
        split = [tuple(name.strip() for name in stage.split(",")) for stage in self.stages]
        return tuple(split) or tuple((member,) for member in self.members)

    @property
    def spoken(self) -> dict[str, tuple[str, ...]]:
        """By member, the words of questions for it, in small letters."""
        pairs = (line.casefold().partition(":") for line in self.words)
        return {name.strip(): tuple(words.split()) for name, _, words in pairs}

    @property
    def agents(self) -> set[str]:
        """Everybody whom it names."""
        others = {self.supervisor, self.fallback, self.tie_break, self.watches} - {None}
        staged = {name for stage in self.staged for name in stage}
        return {*self.members, *staged, *self.spoken, *(str(each) for each in others)}

    @model_validator(mode="after")
    def _have_what_the_strategy_needs(self) -> Self:
        if self.strategy == "supervisor" and self.supervisor is None:
            raise rule(f'The group "{self.name}" needs a supervisor.')
        if self.strategy == "supervisor" and self.supervisor in self.members:
            raise rule(f'The supervisor of the group "{self.name}" can not be one of its members.')
        if (self.strategy == "sleeptime") != (self.watches is not None):
            raise rule(f'"watches" of the group "{self.name}" belongs to sleeptime, and it alone.')
        if self.watches is None and self._when != (None,) * 5:
            raise rule(f'The group "{self.name}" works by itself only as a sleeptime group.')
        if self.watches in self.members:
            raise rule(f'The group "{self.name}" can not watch one of its members.')
        if self.on_failure == "fallback" and self.fallback is None:
            raise rule(f'The group "{self.name}" needs a fallback.')
        if len(set(self.members)) < len(self.members):
            raise rule(f'The group "{self.name}" names a member twice.')
        return self


def _named_apart(groups: tuple[GroupSettings, ...]) -> tuple[GroupSettings, ...]:
    check_apart("[[groups]]", [group.name for group in groups])
    return groups


def check_members(groups: tuple[GroupSettings, ...], agents: list[str]) -> None:
    """Raise the rule's error for a group of agents that there are not."""
    for group in groups:
        if group.name in (*agents, "all", "commands"):
            raise rule(f'A group can not be called "{group.name}": the name is taken.')
        for name in sorted(group.agents - set(agents)):
            raise rule(f'The group "{group.name}" names "{name}", which is no agent.')


Groups = Annotated[tuple[GroupSettings, ...], AfterValidator(_named_apart)]
