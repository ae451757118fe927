"""How a stored task changes, and what of it is kept as JSON; the same in every store. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import TypeAdapter

from gateway.domain.compute import NewTask, Outcome, RunLimits, Task, TaskState, notice_wait
from gateway.domain.conversations import Conversation
from gateway.domain.ids import WorkerId

_STATES = tuple(TaskState)
DETAILS = TypeAdapter(NewTask)
LIMITS = TypeAdapter(RunLimits)
_OUTCOME = TypeAdapter(Outcome)
_PLACE = TypeAdapter(Conversation)


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task with what only its store knows."""

    task: Task
    owner: WorkerId | None = None
    lease_until: datetime | None = None
    notice_at: datetime | None = None
    """When its end is told (again); None when there is nobody to tell (any more)."""


def taken(row: TaskRow, worker: WorkerId, until: datetime) -> TaskRow:
    """Return the task as running for this worker, with a new fence."""
    task = row.task
    running = replace(
        task, state=TaskState.RUNNING, attempts=task.attempts + 1, fence=task.fence + 1
    )
    return replace(row, task=running, owner=worker, lease_until=until)


def ended(row: TaskRow, state: TaskState, outcome: Outcome | None, now: datetime) -> TaskRow:
    """Return the task as over; whoever wants to know is told from now on."""
    task = replace(row.task, state=state, outcome=outcome, ended_at=now)
    return TaskRow(task, notice_at=now if task.new.wants_notice else None)


def end_of(outcome: Outcome) -> TaskState:
    """Return the state that this outcome leads to."""
    return TaskState.DONE if outcome.is_done else TaskState.FAILED


def with_webhook(row: TaskRow, url: str, now: datetime) -> TaskRow:
    """Return the task with another address to tell; at once, where it is over."""
    task = replace(row.task, new=replace(row.task.new, webhook=url), notices=0)
    return replace(row, task=task, notice_at=now if task.state.is_over else None)


def noticing(row: TaskRow, now: datetime) -> TaskRow:
    """Return the task as being told; it comes again later, unless that was the last try."""
    tries = row.task.notices + 1
    wait = notice_wait(tries)
    at = None if wait is None else now + wait
    return replace(row, task=replace(row.task, notices=tries), notice_at=at)


def state_number(state: TaskState) -> int:
    """Return how a task's state is stored: the first two are not over."""
    return _STATES.index(state)


def state_of(number: int) -> TaskState:
    """Return the task's state that is stored as this number."""
    return _STATES[number]


def details_json(new: NewTask) -> str:
    """Return what never changes of a task, and its webhook."""
    return DETAILS.dump_json(new).decode()


def place_json(place: Conversation) -> str:
    """Return the place as it stands in the details of a task, to be compared with it."""
    return _PLACE.dump_json(place).decode()


def outcome_json(outcome: Outcome | None) -> str | None:
    """Return the outcome, or None for None."""
    return None if outcome is None else _OUTCOME.dump_json(outcome).decode()


def read_outcome(text: str | None) -> Outcome | None:
    """Return the outcome, or None for None."""
    return None if text is None else _OUTCOME.validate_json(text)
