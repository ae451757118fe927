"""Deployed functions, and tasks from their wish to their end."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.domain.audit import AuditKind
from gateway.domain.compute import (
    MOST_ATTEMPTS,
    MOST_NOTICES,
    Function,
    NewTask,
    Outcome,
    RunLimits,
    TaskState,
)
from gateway.domain.ids import AgentId, PersonId, WorkerId
from gateway.errors import Fenced
from gateway.ports import Store
from tests.contracts.store.words import LEASE, WORKER, at, place

DOUBLE = Function("double", "v1", "def double(x): return 2 * x", RunLimits(seconds=3), at(0))
DONE = Outcome(is_done=True, text="42", printed="hello\0")
ARGUMENTS = '{"args": [21], "kwargs": {}}'
OTHER = WorkerId("other")


def task(name: str = "t1", *, again: bool = False, batch: str | None = None) -> NewTask:
    return NewTask(name, "double", "v1", ARGUMENTS, is_idempotent=again, batch=batch)


async def state(store: Store, name: str = "t1") -> TaskState:
    found = await store.tasks.get(name)
    assert found is not None
    return found.state


async def test_the_version_that_was_deployed_last_is_the_newest(store: Store) -> None:
    second = replace(DOUBLE, version="v2", deployed_at=at(1))
    await store.tasks.deploy(DOUBLE)
    await store.tasks.deploy(second)
    assert await store.tasks.function("double") == second
    assert await store.tasks.function("double", "v1") == DOUBLE

    await store.tasks.deploy(replace(DOUBLE, deployed_at=at(2)))

    newest = await store.tasks.function("double")
    assert newest == replace(DOUBLE, deployed_at=at(2))
    assert await store.tasks.functions() == [newest]
    assert await store.tasks.function("triple") is None


async def test_a_task_is_stored_once_and_found_as_it_was(store: Store) -> None:
    wish = replace(task(), webhook="https://example.org/x", to=place())

    assert await store.tasks.add([wish], at(0)) == 1
    assert await store.tasks.add([wish], at(1)) == 0

    found = await store.tasks.get("t1")
    assert found is not None
    assert (found.new, found.state, found.created_at) == (wish, TaskState.PENDING, at(0))
    assert await store.tasks.get("t2") is None


async def test_a_batch_keeps_its_order(store: Store) -> None:
    wishes = [task(f"b.{9 - index}", batch="b") for index in range(5)]
    await store.tasks.add([*wishes, task("alone")], at(0))

    assert [each.new.id for each in await store.tasks.batch("b")] == [w.id for w in wishes]


async def test_the_oldest_are_claimed_first_and_by_one_alone(store: Store) -> None:
    await store.tasks.add([task(f"t{index}") for index in range(6)], at(0))

    first = await store.tasks.claim(WORKER, at(1), LEASE, 2)
    both = await asyncio.gather(
        store.tasks.claim(WORKER, at(1), LEASE, 4), store.tasks.claim(OTHER, at(1), LEASE, 4)
    )

    assert [each.new.id for each in first] == ["t0", "t1"]
    assert (first[0].state, first[0].attempts, first[0].fence) == (TaskState.RUNNING, 1, 1)
    assert sorted(each.new.id for each in (*both[0], *both[1])) == ["t2", "t3", "t4", "t5"]


async def test_a_task_ends_once_with_its_outcome(store: Store) -> None:
    await store.tasks.add([task()], at(0))
    (held,) = await store.tasks.claim(WORKER, at(1), LEASE, 5)

    await store.tasks.finish("t1", held.fence, DONE, at(2))

    found = await store.tasks.get("t1")
    assert found is not None
    assert (found.state, found.outcome, found.ended_at) == (TaskState.DONE, DONE, at(2))
    with pytest.raises(Fenced):
        await store.tasks.finish("t1", held.fence, DONE, at(3))


async def test_a_failure_is_an_end_too(store: Store) -> None:
    await store.tasks.add([task()], at(0))
    (held,) = await store.tasks.claim(WORKER, at(1), LEASE, 5)

    await store.tasks.finish("t1", held.fence, Outcome(is_done=False, text="No."), at(2))

    assert await state(store) is TaskState.FAILED


async def test_an_idempotent_task_whose_worker_died_runs_again_with_a_new_fence(
    store: Store,
) -> None:
    await store.tasks.add([task(again=True)], at(0))
    (first,) = await store.tasks.claim(WORKER, at(0), LEASE, 5)
    assert await store.tasks.claim(OTHER, at(29), LEASE, 5) == []

    (second,) = await store.tasks.claim(OTHER, at(30), LEASE, 5)

    assert (second.fence, second.attempts) == (2, 2)
    with pytest.raises(Fenced):
        await store.tasks.finish("t1", first.fence, DONE, at(31))


async def test_a_task_that_may_not_run_twice_ends_as_unknown(store: Store) -> None:
    await store.tasks.add([task()], at(0))
    await store.tasks.claim(WORKER, at(0), LEASE, 5)

    assert await store.tasks.claim(OTHER, at(30), LEASE, 5) == []

    found = await store.tasks.get("t1")
    assert found is not None
    assert found.outcome is not None
    assert found.state is TaskState.FAILED
    assert "its outcome is unknown" in found.outcome.text


async def test_a_task_that_always_stops_its_worker_is_given_up(store: Store) -> None:
    await store.tasks.add([task(again=True)], at(0))

    for attempt in range(MOST_ATTEMPTS + 1):
        await store.tasks.claim(WORKER, at(100 * attempt), LEASE, 5)

    assert await state(store) is TaskState.FAILED


async def test_a_lease_that_is_renewed_goes_on(store: Store) -> None:
    await store.tasks.add([task(), task("t2")], at(0))
    await store.tasks.claim(WORKER, at(0), LEASE, 5)
    await store.tasks.cancel("t2", at(1))

    assert await store.tasks.renew(WORKER, at(20), LEASE) == {"t1": 1}
    assert await store.tasks.renew(OTHER, at(20), LEASE) == {}

    assert await store.tasks.claim(OTHER, at(40), LEASE, 5) == []
    assert await state(store) is TaskState.RUNNING


async def test_a_cancelled_task_never_runs_and_never_ends_otherwise(store: Store) -> None:
    await store.tasks.add([task(), task("t2")], at(0))
    assert await store.tasks.cancel("t2", at(0))
    (held,) = await store.tasks.claim(WORKER, at(1), LEASE, 5)

    assert await store.tasks.cancel("t1", at(2))

    assert not await store.tasks.cancel("t1", at(3))
    assert not await store.tasks.cancel("t3", at(3))
    with pytest.raises(Fenced):
        await store.tasks.finish("t1", held.fence, DONE, at(4))
    assert await state(store) is TaskState.CANCELLED


async def test_an_end_is_told_until_it_was_heard(store: Store) -> None:
    await store.tasks.add([replace(task(), to=place()), task("t2")], at(0))
    for held in await store.tasks.claim(WORKER, at(0), LEASE, 5):
        await store.tasks.finish(held.new.id, held.fence, DONE, at(1))

    (first,) = await store.tasks.claim_notices(at(1), 5)
    assert (first.new.id, first.notices) == ("t1", 1)
    assert await store.tasks.claim_notices(at(2), 5) == []
    (again,) = await store.tasks.claim_notices(at(1) + timedelta(hours=1), 5)
    assert again.notices == 2

    await store.tasks.told("t1", at(9))
    assert await store.tasks.claim_notices(at(0) + timedelta(days=1), 5) == []


async def test_an_end_that_nobody_hears_is_given_up(store: Store) -> None:
    await store.tasks.add([replace(task(), webhook="https://example.org")], at(0))
    await store.tasks.cancel("t1", at(0))

    told = [
        await store.tasks.claim_notices(at(0) + timedelta(days=day), 5)
        for day in range(MOST_NOTICES + 2)
    ]

    assert [len(each) for each in told] == [1] * MOST_NOTICES + [0, 0]


async def test_a_webhook_of_a_task_that_is_over_is_called_at_once(store: Store) -> None:
    await store.tasks.add([task()], at(0))
    await store.tasks.cancel("t1", at(1))

    assert await store.tasks.add_webhook("t1", "https://example.org", at(2))
    assert not await store.tasks.add_webhook("t9", "https://example.org", at(2))

    (told,) = await store.tasks.claim_notices(at(2), 5)
    assert told.new.webhook == "https://example.org"


async def test_what_ended_long_ago_is_forgotten(store: Store) -> None:
    await store.tasks.add([task(), replace(task("t2"), to=place()), task("t3")], at(0))
    for name in ("t1", "t2"):
        await store.tasks.cancel(name, at(1))

    assert await store.tasks.drop(at(1), 10) == 0
    assert await store.tasks.drop(at(2), 10) == 1

    assert await store.tasks.get("t1") is None
    assert await state(store, "t2") is TaskState.CANCELLED


async def test_the_log_names_tasks_and_never_what_they_work_on(store: Store) -> None:
    await store.tasks.deploy(DOUBLE)
    await store.tasks.add([replace(task(), to=place())], at(0))
    (held,) = await store.tasks.claim(WORKER, at(0), LEASE, 5)
    await store.tasks.finish("t1", held.fence, DONE, at(1))
    await store.tasks.told("t1", at(2))

    log = await store.history.audit(0, 100)

    assert [entry.kind for entry in log] == [
        AuditKind.FUNCTION_DEPLOYED,
        AuditKind.TASK_ADDED,
        AuditKind.TASK_CLAIMED,
        AuditKind.TASK_ENDED,
        AuditKind.TASK_TOLD,
    ]
    assert all(entry.subject == "double" for entry in log)
    assert "21" not in str(log)
    assert "42" not in str(log)


async def test_a_call_from_outside_leaves_a_line_in_the_log(store: Store) -> None:
    await store.outside_calls.log(PersonId("ada"), AgentId("agent-1"), "web.fetch", "done", at(0))

    (entry,) = await store.history.audit(0, 100)
    assert (entry.kind, entry.subject, entry.ref) == (AuditKind.TOOL_CALLED, "ada", "agent-1")
    assert entry.data == {"tool": "web.fetch", "outcome": "done"}
