"""Where code runs that is not ours, and the tasks that wait for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from gateway.domain.compute import Function, Job, NewTask, Outcome, Task
from gateway.domain.ids import AgentId, PersonId, WorkerId


class ComputeBackend(Protocol):
    """Where code runs that is not ours: never in this process, with none of our secrets."""

    async def run(self, job: Job) -> Outcome:
        """Run it to its end within its limits; cancelling kills it.

        Whatever the code does is an Outcome. Raises RetryLater where nothing was begun.
        """
        ...


class TaskStore(Protocol):
    """Deployed functions, and tasks. Each method is one transaction."""

    async def deploy(self, function: Function) -> None:
        """Keep it as the newest version of its name; the same version again is kept once."""
        ...

    async def function(self, name: str, version: str | None = None) -> Function | None:
        """Return this version, or the one that was deployed last."""
        ...

    async def functions(self) -> list[Function]:
        """List the newest version of each, by name."""
        ...

    async def add(self, tasks: Sequence[NewTask], now: datetime) -> int:
        """Store tasks in their order; ids that are there already stay. Returns how many are new."""
        ...

    async def get(self, task: str) -> Task | None:
        """Return the task."""
        ...

    async def batch(self, batch: str) -> list[Task]:
        """Return the tasks of a batch, in their order."""
        ...

    async def claim(
        self, worker: WorkerId, now: datetime, lease: timedelta, limit: int
    ) -> list[Task]:
        """Take the oldest tasks that wait, as running, with a new fence.

        Those whose worker's lease is over are taken too, or end as `decide_lost` says.
        """
        ...

    async def renew(self, worker: WorkerId, now: datetime, lease: timedelta) -> dict[str, int]:
        """Keep what this worker runs for longer; returns the fences of what is still its own."""
        ...

    async def finish(self, task: str, fence: int, outcome: Outcome, now: datetime) -> None:
        """End a running task. Raises Fenced when it is not ours any more."""
        ...

    async def cancel(self, task: str, now: datetime) -> bool:
        """End a task that is not over; whoever runs it learns so from `renew`."""
        ...

    async def add_webhook(self, task: str, url: str, now: datetime) -> bool:
        """Tell this address too, now if the task is over; False when there is no such task."""
        ...

    async def claim_notices(self, now: datetime, limit: int) -> list[Task]:
        """Take ended tasks whose end is to be told; who fails to tell it leaves them be.

        They come again after `notice_wait`, and not when that says to give up.
        """
        ...

    async def told(self, task: str, now: datetime) -> None:
        """Remember that everybody was told."""
        ...

    async def drop(self, before: datetime, limit: int) -> int:
        """Forget tasks that ended before and need not be told; returns how many."""
        ...


class OutsideCallStore(Protocol):
    """What agents called from outside of a turn."""

    async def log(
        self, person: PersonId, agent: AgentId, tool: str, outcome: str, now: datetime
    ) -> None:
        """Write a line of the audit log: ids and the outcome, never contents."""
        ...
