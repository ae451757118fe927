"""Groups of agents: what a way of working together sees, and what it decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway.domain.errands import Errand


@dataclass(frozen=True, slots=True)
class Transcript:
    """The work of a group on one question so far."""

    question: str
    said: tuple[Errand, ...] = ()
    """What members were asked, in order; open ones are still at it."""
    earlier: int = 0
    """How many questions the group was asked before by the same person."""
    load: Mapping[str, int] = field(default_factory=dict[str, int])
    """By role, how much else its agent of this person is asked at this moment."""

    @property
    def is_waiting(self) -> bool:
        """Whether somebody is still at it."""
        return any(errand.is_open for errand in self.said)

    @property
    def answered(self) -> tuple[Errand, ...]:
        """What came to a good end."""
        return tuple(errand for errand in self.said if errand.is_answered)


@dataclass(frozen=True, slots=True)
class Ask:
    """A member, and what it is asked."""

    member: str
    question: str


@dataclass(frozen=True, slots=True)
class AskNext:
    """These are asked next, at once."""

    asks: tuple[Ask, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing, until one of those who are at it has answered."""


@dataclass(frozen=True, slots=True)
class Final:
    """The group's answer."""

    text: str
    is_failure: bool = False


TeamStep = AskNext | Wait | Final


@dataclass(frozen=True, slots=True)
class Untended:
    """What was said to a watched agent in one conversation since its group worked the last time."""

    turns: int
    characters: int
    """Of what the person wrote."""
    since: datetime
    """When the group worked the last time; before the first time, when the first turn ended."""
    newest: datetime
    """When the newest turn ended."""


Custom = Callable[[Untended, datetime], bool]
"""A rule of somebody else's: whether it is time. It is pure, and quick."""


@dataclass(frozen=True, slots=True)
class Watch:
    """When a group works by itself, without being asked: as soon as one of its rules says so."""

    role: str
    """Whose turns are counted: those in which its person spoke to this agent."""
    every: int | None = None
    """After so many turns."""
    characters: int | None = None
    """After the person wrote so much."""
    after: timedelta | None = None
    """So long after the last time, if anything was said since."""
    quiet: timedelta | None = None
    """Once the person has said nothing for so long."""
    custom: Custom | None = None

    @property
    def looks_at_the_clock(self) -> bool:
        """Whether it can be time though nobody speaks."""
        return not (self.after is None and self.quiet is None and self.custom is None)

    def is_due(self, untended: Untended, now: datetime) -> bool:
        """Whether it is time, by what is known already: the cheapest rules first. Pure."""
        if self.every is not None and untended.turns >= self.every:
            return True
        if self.characters is not None and untended.characters >= self.characters:
            return True
        if self.after is not None and now - untended.since >= self.after:
            return True
        if self.quiet is not None and now - untended.newest >= self.quiet:
            return True
        return self.custom is not None and self.custom(untended, now)


@dataclass(frozen=True, slots=True)
class GroupLimits:
    """What one question may cost a group."""

    steps: int = 12
    """Questions to members, all in all."""
    wait: timedelta = timedelta(minutes=10)
    """For one member's answer; after it the member counts as unavailable."""
    is_shown: bool = True
    """Whether people see what each member says, not the group's answer alone."""


def within(step: TeamStep, so_far: Transcript, room: int) -> TeamStep:
    """Hold a group's step to its limits: whatever its strategy says, it comes to an end. Pure."""
    match step:
        case AskNext(asks) if asks and len(asks) <= room:
            return step
        case Wait() if so_far.is_waiting:
            return step
        case Final():
            return step
        case AskNext() if so_far.is_waiting:
            return Wait()
        case _:
            last = next((each.answer for each in reversed(so_far.answered)), None)
            text = last or "The group came to no answer within its limits."
            return Final(text, is_failure=last is None)
