"""Deployed functions and their tasks, in dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from gateway.domain.audit import AuditKind
from gateway.domain.compute import Function, NewTask, Outcome, Task, TaskState, decide_lost
from gateway.domain.ids import AgentId, PersonId, WorkerId
from gateway.errors import Fenced
from storage.memory.tables import Tables
from storage.task_rules import TaskRow, end_of, ended, noticing, taken, with_webhook


class MemoryTasks:
    """The TaskStore in dictionaries."""

    def __init__(self, tables: Tables) -> None:
        self._functions = tables.functions
        self._rows = tables.tasks
        self._log = tables.log

    async def deploy(self, function: Function) -> None:
        """Keep it as the newest version of its name; see the port."""
        self._functions[function.name, function.version] = function
        at = function.deployed_at
        self._log(AuditKind.FUNCTION_DEPLOYED, at, function.name, function.version, {})

    async def function(self, name: str, version: str | None = None) -> Function | None:
        """Return this version, or the one that was deployed last."""
        if version is not None:
            return self._functions.get((name, version))
        every = [each for each in self._functions.values() if each.name == name]
        return max(every, key=lambda each: each.deployed_at, default=None)

    async def functions(self) -> list[Function]:
        """List the newest version of each, by name."""
        names = sorted({name for name, _ in self._functions})
        newest = [await self.function(name) for name in names]
        return [each for each in newest if each is not None]

    async def add(self, tasks: Sequence[NewTask], now: datetime) -> int:
        """Store tasks in their order; see the port."""
        new = [task for task in tasks if task.id not in self._rows]
        for task in new:
            self._rows[task.id] = TaskRow(Task(task, TaskState.PENDING, now))
            self._log(AuditKind.TASK_ADDED, now, task.function, task.id, {"version": task.version})
        return len(new)

    async def get(self, task: str) -> Task | None:
        """Return the task."""
        row = self._rows.get(task)
        return row.task if row is not None else None

    async def batch(self, batch: str) -> list[Task]:
        """Return the tasks of a batch, in their order."""
        return [row.task for row in self._rows.values() if row.task.new.batch == batch]

    async def claim(
        self, worker: WorkerId, now: datetime, lease: timedelta, limit: int
    ) -> list[Task]:
        """Take the oldest tasks that wait; see the port."""
        again = [row for row in self._lost(now)[:limit] if not self._end_lost(row, now)]
        waiting = [r for r in self._rows.values() if r.task.state is TaskState.PENDING]
        found = [*again, *waiting][:limit]
        return [self._take(row, worker, now, now + lease) for row in found]

    async def renew(self, worker: WorkerId, now: datetime, lease: timedelta) -> dict[str, int]:
        """Keep what this worker runs for longer; see the port."""
        running = [r for r in self._rows.values() if r.task.state is TaskState.RUNNING]
        own = [row for row in running if row.owner == worker]
        for row in own:
            self._rows[row.task.new.id] = TaskRow(row.task, worker, now + lease)
        return {row.task.new.id: row.task.fence for row in own}

    async def finish(self, task: str, fence: int, outcome: Outcome, now: datetime) -> None:
        """End a running task. Raises Fenced when it is not ours any more."""
        row = self._rows.get(task)
        if row is None or row.task.state is not TaskState.RUNNING or row.task.fence != fence:
            raise Fenced(f'Task "{task}" with fence {fence} is not held.')
        self._end(row, end_of(outcome), outcome, now)

    async def cancel(self, task: str, now: datetime) -> bool:
        """End a task that is not over; see the port."""
        row = self._rows.get(task)
        if row is None or row.task.state.is_over:
            return False
        self._end(row, TaskState.CANCELLED, None, now)
        return True

    async def add_webhook(self, task: str, url: str, now: datetime) -> bool:
        """Tell this address too; see the port."""
        row = self._rows.get(task)
        if row is not None:
            self._rows[task] = with_webhook(row, url, now)
        return row is not None

    async def claim_notices(self, now: datetime, limit: int) -> list[Task]:
        """Take ended tasks whose end is to be told; see the port."""
        due = [(row.notice_at, row) for row in self._rows.values() if row.notice_at is not None]
        ready = sorted((each for each in due if each[0] <= now), key=lambda each: each[0])
        rows = [noticing(row, now) for _, row in ready[:limit]]
        for row in rows:
            self._rows[row.task.new.id] = row
        return [row.task for row in rows]

    async def told(self, task: str, now: datetime) -> None:
        """Remember that everybody was told."""
        row = self._rows.get(task)
        if row is not None:
            self._rows[task] = TaskRow(row.task)
            self._log(AuditKind.TASK_TOLD, now, row.task.new.function, task, {})

    async def drop(self, before: datetime, limit: int) -> int:
        """Forget tasks that ended before and need not be told."""
        gone = [
            name
            for name, row in self._rows.items()
            if row.notice_at is None
            and row.task.ended_at is not None
            and row.task.ended_at < before
        ][:limit]
        for name in gone:
            del self._rows[name]
        return len(gone)

    def _lost(self, now: datetime) -> list[TaskRow]:
        running = [r for r in self._rows.values() if r.task.state is TaskState.RUNNING]
        return [row for row in running if row.lease_until is not None and row.lease_until <= now]

    def _end_lost(self, row: TaskRow, now: datetime) -> bool:
        outcome = decide_lost(row.task)
        if outcome is not None:
            self._end(row, TaskState.FAILED, outcome, now)
        return outcome is not None

    def _end(self, row: TaskRow, state: TaskState, outcome: Outcome | None, now: datetime) -> None:
        new = row.task.new
        self._rows[new.id] = ended(row, state, outcome, now)
        self._log(AuditKind.TASK_ENDED, now, new.function, new.id, {"state": state.value})

    def _take(self, row: TaskRow, worker: WorkerId, now: datetime, until: datetime) -> Task:
        held = taken(row, worker, until)
        new = held.task.new
        self._rows[new.id] = held
        data = {"worker": worker, "fence": held.task.fence}
        self._log(AuditKind.TASK_CLAIMED, now, new.function, new.id, data)
        return held.task


class MemoryOutsideCalls:
    """The OutsideCallStore in a list."""

    def __init__(self, tables: Tables) -> None:
        self._log = tables.log

    async def log(
        self, person: PersonId, agent: AgentId, tool: str, outcome: str, now: datetime
    ) -> None:
        """Write a line of the audit log."""
        self._log(AuditKind.TOOL_CALLED, now, person, agent, {"tool": tool, "outcome": outcome})
