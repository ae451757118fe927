"""Groups of agents: what a way of working together sees, and what it decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

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
class Watch:
    """A group that works by itself, without being asked."""

    role: str
    """Whose turns are counted: those in which its person spoke to this agent."""
    every: int
    """After so many turns it begins."""


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
