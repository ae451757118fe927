"""Functions and tasks as the JSON that programs read. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence

from gateway.domain.compute import Function, Task, TaskState, standing


def function_json(function: Function) -> dict[str, object]:
    """Return a function without its source."""
    return {
        "function_id": f"{function.name}@{function.version}",
        "function_name": function.name,
        "version": function.version,
        "timeout": function.limits.seconds,
        "memory_bytes": function.limits.memory_bytes,
        "deployed_at": function.deployed_at.isoformat(),
    }


def status_of(state: TaskState) -> str:
    """Return the word that programs read: of what went well `completed`, as their pages say."""
    return "completed" if state is TaskState.DONE else state.value


def task_json(task: Task) -> dict[str, object]:
    """Return how the task stands, as JSON."""
    told: dict[str, object] = {
        "task_id": task.new.id,
        "function_name": task.new.function,
        "version": task.new.version,
        "status": status_of(task.state),
        "created_at": task.created_at.isoformat(),
        "ended_at": None if task.ended_at is None else task.ended_at.isoformat(),
    }
    outcome = task.outcome
    if outcome is None:
        return told
    if outcome.is_done:
        told["result"] = json.loads(outcome.text)
    else:
        told["error"] = outcome.text
    return {**told, "printed": outcome.printed}


def batch_json(name: str, tasks: Sequence[Task]) -> dict[str, object]:
    """Return how a run-parallel stands, with the tasks in the order of their inputs."""
    return {
        "task_id": name,
        "function_name": tasks[0].new.function,
        "num_tasks": len(tasks),
        "status": status_of(standing(tasks)),
        "results": [task_json(task) for task in tasks],
    }
