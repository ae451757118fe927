"""Functions that were deployed, their runs as tasks, and how a task stands. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from gateway.domain.conversations import Conversation

MOST_ATTEMPTS = 5
"""So often is an idempotent task begun before it counts as what stops the gateway."""
MOST_NOTICES = 10
"""So often is the end of a task told before that is given up."""
TASK_EVENTS = "task:"
"""How the event ids of wakeups begin that a finished task brought."""


@dataclass(frozen=True, slots=True)
class RunLimits:
    """What one run may use."""

    seconds: float = 30.0
    memory_bytes: int = 512 * 1024 * 1024
    answer_characters: int = 50_000
    """Of the result as JSON; a longer one is a failure, not a cut result."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something to run: a function of the source with arguments, or the source as a script."""

    source: str
    function: str | None
    arguments: str = '{"args": [], "kwargs": {}}'
    """JSON with `args` and `kwargs`; a script has none."""
    limits: RunLimits = RunLimits()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. A failure is an outcome, not an error."""

    is_done: bool
    text: str
    """The result as JSON; of a failure, a sentence."""
    printed: str = ""
    """What it wrote to stdout and stderr, cut to the limit."""


@dataclass(frozen=True, slots=True)
class Function:
    """One version of a deployed function; tasks keep the version they were made with."""

    name: str
    version: str
    """Digest of the source and the limits."""
    source: str
    limits: RunLimits
    deployed_at: datetime


class TaskState(StrEnum):
    """Where a task is on its way: pending → running → one of the last three."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self not in (TaskState.PENDING, TaskState.RUNNING)


@dataclass(frozen=True, slots=True)
class TaskWish:
    """A task as it is asked for: not yet checked."""

    function: str
    args: Sequence[Any] = ()  # JSON of any kind
    kwargs: dict[str, Any] = field(default_factory=dict[str, Any])
    id: str | None = None
    is_idempotent: bool = False
    webhook: str | None = None
    to: str | None = None


@dataclass(frozen=True, slots=True)
class NewTask:
    """One run that is wished for."""

    id: str
    function: str
    version: str
    arguments: str
    """JSON with `args` and `kwargs`."""
    is_idempotent: bool = False
    """Whether it may run again when the gateway died while it ran."""
    batch: str | None = None
    """The run-parallel that it is part of; its place there is the order of adding."""
    webhook: str | None = None
    """Address that is told of its end."""
    to: Conversation | None = None
    """Conversation whose agent is told of its end."""

    @property
    def wants_notice(self) -> bool:
        """Whether somebody is told of its end."""
        return self.webhook is not None or self.to is not None


@dataclass(frozen=True, slots=True)
class Task:
    """A stored task."""

    new: NewTask
    state: TaskState
    created_at: datetime
    attempts: int = 0
    fence: int = 0
    """Grows with every claim; only the newest may end the task."""
    ended_at: datetime | None = None
    outcome: Outcome | None = None
    """Of a task that is done or failed."""
    notices: int = 0
    """How often its end was begun to be told."""


def standing(tasks: Sequence[Task]) -> TaskState:
    """Return how several tasks stand as one: failed, if any is, once all are over."""
    states = {task.state for task in tasks}
    if not all(state.is_over for state in states):
        return TaskState.PENDING if states == {TaskState.PENDING} else TaskState.RUNNING
    for state in (TaskState.FAILED, TaskState.CANCELLED):
        if state in states:
            return state
    return TaskState.DONE


def decide_lost(task: Task) -> Outcome | None:
    """Return how a task ends whose worker is gone; None when it may run again."""
    if task.new.is_idempotent and task.attempts < MOST_ATTEMPTS:
        return None
    why = "it is not declared idempotent" if not task.new.is_idempotent else "too often already"
    return Outcome(
        is_done=False,
        text=f"The gateway stopped while the task ran; its outcome is unknown. "
        f"It was not run again: {why}.",
    )


def notice_wait(notices: int) -> timedelta | None:
    """Return how long after its `notices`-th try the end is told again; None to give up."""
    if notices >= MOST_NOTICES:
        return None
    return timedelta(seconds=min(3600.0, 30.0 * 2 ** (notices - 1)))
