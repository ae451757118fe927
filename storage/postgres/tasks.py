"""Deployed functions and their tasks: the tables compute_function and task."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from gateway.domain.audit import AuditKind
from gateway.domain.compute import Function, NewTask, Outcome, Task, TaskState, decide_lost
from gateway.domain.ids import AgentId, PersonId, WorkerId
from gateway.errors import Fenced
from storage.postgres.database import Database, Row, Transaction
from storage.task_rules import (
    DETAILS,
    LIMITS,
    TaskRow,
    details_json,
    end_of,
    ended,
    noticing,
    outcome_json,
    read_outcome,
    state_number,
    state_of,
    taken,
    with_webhook,
)

DEPLOY = """
INSERT INTO compute_function (name, version, source, limits, deployed_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (name, version) DO UPDATE SET deployed_at = excluded.deployed_at
"""
_FUNCTION = (
    "SELECT name, version, source, limits, deployed_at FROM compute_function WHERE name = $1"
)
VERSION = f"{_FUNCTION} AND version = $2"
NEWEST = f"{_FUNCTION} ORDER BY deployed_at DESC LIMIT 1"
NEWEST_OF_EACH = """
SELECT DISTINCT ON (name) name, version, source, limits, deployed_at FROM compute_function
ORDER BY name, deployed_at DESC
"""
ADD = """
INSERT INTO task (id, batch, details, state, attempts, fence, created_at, notices)
VALUES ($1, $2, $3, 0, 0, 0, $4, 0) ON CONFLICT (id) DO NOTHING
"""
_ROWS = """
SELECT details, state, attempts, fence, owner, lease_until, outcome, created_at, ended_at,
    notices, notice_at
FROM task
"""
BY_ID = f"{_ROWS} WHERE id = $1"
OF_BATCH = f"{_ROWS} WHERE batch = $1 ORDER BY seq"
HOLD = f"{BY_ID} FOR UPDATE"
LOST = f"""
{_ROWS} WHERE state = 1 AND lease_until <= $1 ORDER BY lease_until LIMIT $2 FOR UPDATE SKIP LOCKED
"""
WAITING = f"{_ROWS} WHERE state = 0 ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED"
TO_TELL = f"""
{_ROWS} WHERE notice_at <= $1 ORDER BY notice_at, seq LIMIT $2 FOR UPDATE SKIP LOCKED
"""
CHANGE = """
UPDATE task SET details = $2, state = $3, attempts = $4, fence = $5, owner = $6, lease_until = $7,
    outcome = $8, ended_at = $9, notices = $10, notice_at = $11
WHERE id = $1
"""
RENEW = "UPDATE task SET lease_until = $1 WHERE owner = $2 AND state = 1 RETURNING id, fence"
TOLD = "UPDATE task SET notice_at = NULL WHERE id = $1"
DROP = """
DELETE FROM task WHERE seq IN (
    SELECT seq FROM task WHERE state > 1 AND ended_at < $1 AND notice_at IS NULL LIMIT $2
)
"""


class PostgresTasks:
    """The TaskStore in Postgres."""

    def __init__(self, database: Database) -> None:
        self._write = database.write
        self._read = database.read

    async def deploy(self, function: Function) -> None:
        """Keep it as the newest version of its name; see the port."""
        await self._write(_deploy, function)

    async def function(self, name: str, version: str | None = None) -> Function | None:
        """Return this version, or the one that was deployed last."""
        if version is None:
            rows = await self._read(NEWEST, name)
        else:
            rows = await self._read(VERSION, name, version)
        return _to_function(rows[0]) if rows else None

    async def functions(self) -> list[Function]:
        """List the newest version of each, by name."""
        return [_to_function(row) for row in await self._read(NEWEST_OF_EACH)]

    async def add(self, tasks: Sequence[NewTask], now: datetime) -> int:
        """Store tasks in their order; see the port."""
        return await self._write(_add, tasks, now)

    async def get(self, task: str) -> Task | None:
        """Return the task."""
        rows = await self._read(BY_ID, task)
        return _to_row(rows[0]).task if rows else None

    async def batch(self, batch: str) -> list[Task]:
        """Return the tasks of a batch, in their order."""
        return [_to_row(row).task for row in await self._read(OF_BATCH, batch)]

    async def claim(
        self, worker: WorkerId, now: datetime, lease: timedelta, limit: int
    ) -> list[Task]:
        """Take the oldest tasks that wait; see the port."""
        return await self._write(_claim, worker, now, now + lease, limit)

    async def renew(self, worker: WorkerId, now: datetime, lease: timedelta) -> dict[str, int]:
        """Keep what this worker runs for longer; see the port."""
        return await self._write(_renew, worker, now + lease)

    async def finish(self, task: str, fence: int, outcome: Outcome, now: datetime) -> None:
        """End a running task. Raises Fenced when it is not ours any more."""
        await self._write(_finish, task, fence, outcome, now)

    async def cancel(self, task: str, now: datetime) -> bool:
        """End a task that is not over; see the port."""
        return await self._write(_cancel, task, now)

    async def add_webhook(self, task: str, url: str, now: datetime) -> bool:
        """Tell this address too; see the port."""
        return await self._write(_add_webhook, task, url, now)

    async def claim_notices(self, now: datetime, limit: int) -> list[Task]:
        """Take ended tasks whose end is to be told; see the port."""
        return await self._write(_claim_notices, now, limit)

    async def told(self, task: str, now: datetime) -> None:
        """Remember that everybody was told."""
        await self._write(_told, task, now)

    async def drop(self, before: datetime, limit: int) -> int:
        """Forget tasks that ended before and need not be told."""
        return await self._write(_drop, before, limit)


class PostgresOutsideCalls:
    """The OutsideCallStore in Postgres."""

    def __init__(self, database: Database) -> None:
        self._write = database.write

    async def log(
        self, person: PersonId, agent: AgentId, tool: str, outcome: str, now: datetime
    ) -> None:
        """Write a line of the audit log."""
        await self._write(_log_call, person, agent, {"tool": tool, "outcome": outcome}, now)


async def _deploy(tx: Transaction, function: Function) -> None:
    limits = LIMITS.dump_json(function.limits).decode()
    at, version = function.deployed_at, function.version
    await tx.count(DEPLOY, function.name, version, function.source, limits, at)
    tx.log(AuditKind.FUNCTION_DEPLOYED, at, function.name, version, {})


async def _add(tx: Transaction, tasks: Sequence[NewTask], now: datetime) -> int:
    new = 0
    for task in tasks:
        if await tx.count(ADD, task.id, task.batch, details_json(task), now) == 1:
            new += 1
            tx.log(AuditKind.TASK_ADDED, now, task.function, task.id, {"version": task.version})
    return new


async def _claim(
    tx: Transaction, worker: WorkerId, now: datetime, until: datetime, limit: int
) -> list[Task]:
    lost = [_to_row(row) for row in await tx.fetch(LOST, now, limit)]
    again = [row for row in lost if not await _end_lost(tx, row, now)]
    waiting = await tx.fetch(WAITING, limit - len(again))
    rows = [taken(row, worker, until) for row in (*again, *map(_to_row, waiting))]
    for row in rows:
        await _change(tx, row)
        data = {"worker": worker, "fence": row.task.fence}
        tx.log(AuditKind.TASK_CLAIMED, now, row.task.new.function, row.task.new.id, data)
    return [row.task for row in rows]


async def _end_lost(tx: Transaction, row: TaskRow, now: datetime) -> bool:
    outcome = decide_lost(row.task)
    if outcome is not None:
        await _end(tx, row, TaskState.FAILED, outcome, now)
    return outcome is not None


async def _end(
    tx: Transaction, row: TaskRow, state: TaskState, outcome: Outcome | None, now: datetime
) -> None:
    await _change(tx, ended(row, state, outcome, now))
    new = row.task.new
    tx.log(AuditKind.TASK_ENDED, now, new.function, new.id, {"state": state.value})


async def _renew(tx: Transaction, worker: WorkerId, until: datetime) -> dict[str, int]:
    return {row["id"]: row["fence"] for row in await tx.fetch(RENEW, until, worker)}


async def _finish(tx: Transaction, task: str, fence: int, outcome: Outcome, now: datetime) -> None:
    row = await _hold(tx, task)
    if row is None or row.task.state is not TaskState.RUNNING or row.task.fence != fence:
        raise Fenced(f'Task "{task}" with fence {fence} is not held.')
    await _end(tx, row, end_of(outcome), outcome, now)


async def _cancel(tx: Transaction, task: str, now: datetime) -> bool:
    row = await _hold(tx, task)
    if row is None or row.task.state.is_over:
        return False
    await _end(tx, row, TaskState.CANCELLED, None, now)
    return True


async def _add_webhook(tx: Transaction, task: str, url: str, now: datetime) -> bool:
    row = await _hold(tx, task)
    if row is not None:
        await _change(tx, with_webhook(row, url, now))
    return row is not None


async def _claim_notices(tx: Transaction, now: datetime, limit: int) -> list[Task]:
    rows = [noticing(_to_row(row), now) for row in await tx.fetch(TO_TELL, now, limit)]
    for row in rows:
        await _change(tx, row)
    return [row.task for row in rows]


async def _told(tx: Transaction, task: str, now: datetime) -> None:
    row = await _hold(tx, task)
    if row is not None:
        await tx.count(TOLD, task)
        tx.log(AuditKind.TASK_TOLD, now, row.task.new.function, task, {})


async def _drop(tx: Transaction, before: datetime, limit: int) -> int:
    return await tx.count(DROP, before, limit)


async def _log_call(
    tx: Transaction, person: PersonId, agent: AgentId, data: dict[str, object], now: datetime
) -> None:
    tx.log(AuditKind.TOOL_CALLED, now, person, agent, data)


async def _hold(tx: Transaction, task: str) -> TaskRow | None:
    row = await tx.first(HOLD, task)
    return None if row is None else _to_row(row)


async def _change(tx: Transaction, row: TaskRow) -> None:
    task = row.task
    await tx.count(
        CHANGE,
        task.new.id,
        details_json(task.new),
        state_number(task.state),
        task.attempts,
        task.fence,
        row.owner,
        row.lease_until,
        outcome_json(task.outcome),
        task.ended_at,
        task.notices,
        row.notice_at,
    )


def _to_row(row: Row) -> TaskRow:
    task = Task(
        DETAILS.validate_json(row["details"]),
        state_of(row["state"]),
        row["created_at"],
        row["attempts"],
        row["fence"],
        row["ended_at"],
        read_outcome(row["outcome"]),
        row["notices"],
    )
    return TaskRow(task, row["owner"], row["lease_until"], row["notice_at"])


def _to_function(row: Row) -> Function:
    limits = LIMITS.validate_json(row["limits"])
    return Function(row["name"], row["version"], row["source"], limits, row["deployed_at"])
