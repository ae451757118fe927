"""What scripted agents do, step by step, and how the steps lie in time. Pure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from gateway.domain.ids import RunId
from gateway.domain.tools import ToolCall
from gateway.domain.turns import (
    ReasoningDelta,
    RunEnded,
    RunRequest,
    RunStarted,
    TextDelta,
    ToolsAsked,
    ToolUsed,
    TurnEvent,
)


@dataclass(frozen=True, slots=True)
class Say:
    """The agent says `text`, word by word, with a pause before each word."""

    text: str
    pause_seconds: float = 0.0
    message: str | None = None
    """Which of its messages this belongs to; each `Say` is a message of its own without it."""


@dataclass(frozen=True, slots=True)
class Think:
    """The agent thinks aloud, where people do not hear it."""

    text: str


@dataclass(frozen=True, slots=True)
class Use:
    """The agent uses a tool of its own, inside the runtime."""

    name: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing happens for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Ask:
    """The agent asks for tools of the gateway; the run ends until they are answered."""

    calls: tuple[ToolCall, ...]


@dataclass(frozen=True, slots=True)
class Fail:
    """The run ends in an error of its own, with the runtime's word for it."""

    kind: str
    message: str = "the script says so."


@dataclass(frozen=True, slots=True)
class Cost:
    """The model reads and writes so many tokens; the run's end tells."""

    tokens: int


@dataclass(frozen=True, slots=True)
class Drop:
    """The stream breaks here, once; the run goes on, and a re-attach hears all of it."""


@dataclass(frozen=True, slots=True)
class Until:
    """The agent falls silent until something has come, such as what it said before."""

    come: asyncio.Event


Step = Say | Think | Use | Wait | Until | Ask | Fail | Drop | Cost
Script = Callable[[RunRequest], Iterable[Step]]
"""What the agent does when it hears this."""
Moment = TurnEvent | Until | Fail | Drop
"""What stands in a timeline."""


def echo(request: RunRequest) -> Iterable[Step]:
    """Say back what was heard, or what the tools returned."""
    return (Say(" ".join(item.text for item in request.input)),)


def timeline(run: RunId, starts_at: float, steps: Iterable[Step]) -> Iterable[tuple[float, Moment]]:
    """Lay the steps out in time; always begins with the start and finishes with one end."""
    moment = starts_at
    tokens = 0
    yield moment, RunStarted(run)
    for number, step in enumerate(steps):
        tokens += step.tokens if isinstance(step, Cost) else 0
        if isinstance(step, Ask):
            yield moment, ToolsAsked(step.calls, tokens)
            return
        for delay, event in _events(f"{run}-message-{number}", step):
            moment += delay
            if event is not None:
                yield moment, event
        if isinstance(step, Fail):
            return
    yield moment, RunEnded("end_turn", tokens)


def _events(message: str, step: Step) -> Sequence[tuple[float, Moment | None]]:
    """Return what one step does, each with the wait before it."""
    match step:
        case Say(text, pause, of_message):
            pieces = _words(text)
            return [(pause, TextDelta(of_message or message, piece)) for piece in pieces]
        case Think(text):
            return [(0.0, ReasoningDelta(text))]
        case Use(name):
            return [(0.0, ToolUsed(name))]
        case Wait(seconds):
            return [(seconds, None)]
        case Cost() | Ask():
            return []
        case Until() | Fail() | Drop():
            return [(0.0, step)]


def _words(text: str) -> list[str]:
    """Cut after each space, so that the pieces join to the text again."""
    words = text.split(" ")
    return [f"{word} " for word in words[:-1]] + words[-1:]


def is_end(event: Moment) -> bool:
    """Whether nothing of the run comes after this."""
    return isinstance(event, RunEnded | ToolsAsked | Fail)


@dataclass(slots=True)
class ScriptedRun:
    """A run as a timeline: what happens, and when. No task is needed to let it go on."""

    id: RunId
    request: RunRequest
    started_at: float
    timeline: list[tuple[float, Moment]] = field(default_factory=list[tuple[float, Moment]])
    """Moments of the loop's clock, ascending; the last one is the end."""

    @property
    def ends_at(self) -> float:
        return self.timeline[-1][0]

    @property
    def pending(self) -> tuple[ToolCall, ...]:
        """The calls it waits for at its end."""
        last = self.timeline[-1][1]
        return last.calls if isinstance(last, ToolsAsked) else ()
