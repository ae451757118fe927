"""Every statement of the Postgres store that is hot finds its rows by an index."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from storage.postgres import (
    PostgresStore,
    answers,
    cancelling,
    claims,
    deliveries,
    history,
    inbox,
    locks,
    people,
    posts,
    schedules,
    turns,
    usage,
)
from storage.postgres.client import connect
from tests.fakes.postgres import postgres_schema

MODULES = (
    locks,
    inbox,
    claims,
    cancelling,
    answers,
    turns,
    deliveries,
    posts,
    people,
    schedules,
    history,
    usage,
)
SQL = re.compile(r"\s*(WITH|SELECT|INSERT|UPDATE|DELETE)")

INDEXES = {
    "locks.LOCK_LANES": {"mailbox_pkey"},
    "locks.LOCK_OUTBOXES": {"outbox_pkey"},
    "inbox.LOOK_UP": {"inbox_key_key", "identity_pkey"},
    "inbox.WAKE_LANES": {"mailbox_pkey"},
    "inbox.LANE_OF": {"inbox_key_key"},
    "inbox.FORGET_WAITING": {"mailbox_pkey", "inbox_waiting"},
    "claims.READY_LANES": {"mailbox_ready"},
    "claims.NEXT_LANE": {"mailbox_ready"},
    "claims.PARKED_LANES": {"mailbox_parked", "mailbox_seat"},
    "claims.ONLY_PEOPLE": {"inbox_waiting", "inbox_turn"},
    "claims.CANCELLED_AMONG": {"turn_pkey"},
    "claims.HOLD_PEOPLE": {"person_pkey"},
    "claims.SEATS_TAKEN": {"mailbox_seat"},
    "claims.PARK_LANES": {"mailbox_pkey"},
    "claims.OLDEST_WAITING": {"inbox_waiting"},
    "claims.TAKE_MESSAGES": {"inbox_pkey"},
    "claims.HOLD_LANES": {"mailbox_pkey", "inbox_waiting"},
    "claims.CLAIM_AGAIN": {"turn_pkey"},
    "claims.TURN_MESSAGES": {"inbox_turn"},
    "claims.TURN_RESULTS": {"tool_result_turn_call_key"},
    "claims.TURN_DRAFTS": {"delivery_drafts"},
    "cancelling.CANCELLED_TURNS": {"turn_cancelled"},
    "cancelling.KNOWN_RESULT": {"tool_result_turn_call_key"},
    "cancelling.PLACE_OF": {"inbox_key_key"},
    "cancelling.OPEN_TURNS": {"mailbox_pkey", "inbox_turn"},
    "cancelling.CANCEL_TURNS": {"turn_pkey"},
    "cancelling.HURRY_LANES": {"mailbox_pkey"},
    "cancelling.WITHDRAW_SAID": {"inbox_waiting"},
    "answers.PLACES_OF_DRAFTS": {"delivery_drafts"},
    "answers.DRAFTS": {"delivery_drafts"},
    "answers.PLACES_OF_NOTICES": {"delivery_id_key"},
    "answers.UNSENT": {"delivery_id_key"},
    "posts.REVISE": {"delivery_id_key"},
    "answers.RELEASE_LANES": {"mailbox_pkey", "inbox_waiting", "mailbox_parked"},
    "answers.END_TURNS": {"turn_pkey"},
    "turns.ADD_RUNS": {"turn_pkey"},
    "turns.EXPIRED_LANES": {"mailbox_busy"},
    "posts.READY_FOR_FIRST": {"outbox_pkey", "delivery_open"},
    "deliveries.READY_POSTS": {"outbox_ready"},
    "deliveries.NEXT_POST": {"outbox_ready"},
    "deliveries.TAKE_FIRST": {"delivery_pkey", "delivery_open"},
    "deliveries.HOLD_OUTBOXES": {"outbox_pkey"},
    "deliveries.EXTEND_OUTBOXES": {"outbox_pkey"},
    "deliveries.REVISIONS": {"delivery_id_key"},
    "deliveries.SETTLE": {"delivery_id_key"},
    "deliveries.RELEASE_OUTBOXES": {"outbox_pkey", "delivery_open"},
    "deliveries.EXPIRED_OUTBOXES": {"outbox_busy"},
    "people.FIND_PERSON_ID": {"identity_pkey"},
    "people.LAST_SENDER": {"inbox_conversation"},
    "schedules.DUE": {"schedule_due"},
    "schedules.NEXT_DUE": {"schedule_due"},
    "schedules.IN_CONVERSATION": {"schedule_conversation"},
    "usage.WRITTEN": {"identity_pkey", "inbox_person"},
    "usage.WRITTEN_IN": {"inbox_conversation"},
    "history.HISTORY": {"inbox_conversation", "delivery_conversation"},
    "history.TURN_OF": {"inbox_key_key"},
    "history.FIND_MESSAGE": {"inbox_key_key", "turn_pkey"},
    "history.SAID": {"delivery_id_key"},
    "history.NEWEST_EVENTS": {"inbox_conversation"},
    "history.AUDIT": {"audit_pkey"},
    "history.TRAIL": {"audit_ref", "audit_subject", "audit_event"},
    "history.HEARD_SINCE": {"inbox_conversation"},
    "history.POSTED_SINCE": {"audit_subject", "audit_revised"},
    "history.PARKED": {"mailbox_parked", "mailbox_seat"},
    "history.OLDEST_AUDIT": {"audit_pkey"},
    "history.DROP_AUDIT": {"audit_pkey"},
    "history.EMPTY_DELIVERIES": {"delivery_pkey", "delivery_settled"},
    "history.ENDED_TURNS": {"turn_kept"},
    "history.EMPTY_MESSAGES": {"inbox_pkey", "inbox_turn"},
}
"""The indexes that each one may use, and does."""


def _statements() -> Iterator[tuple[str, str]]:
    for module in MODULES:
        yield from _statements_of(module)


def _statements_of(module: ModuleType) -> Iterator[tuple[str, str]]:
    for constant, value in vars(module).items():
        if constant.isupper() and isinstance(value, str) and SQL.match(value):
            yield f"{module.__name__.rpartition('.')[2]}.{constant}", value


STATEMENTS = dict(_statements())


async def _plan(connection: Any, sql: str) -> list[dict[str, Any]]:
    """Return the nodes of the plan that serves any parameters."""
    count = max((int(number) for number in re.findall(r"\$(\d+)", sql)), default=0)
    nothing = f"({', '.join(['NULL'] * count)})" if count else ""
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    await connection.execute(f"PREPARE hot AS {sql}")
    rows = await connection.fetch(f"EXPLAIN (FORMAT JSON) EXECUTE hot{nothing}")
    await connection.execute("DEALLOCATE hot")
    waiting = [json.loads(rows[0][0])[0]["Plan"]]
    nodes: list[dict[str, Any]] = []
    while waiting:
        node = waiting.pop()
        nodes.append(node)
        waiting += node.get("Plans", [])
    return nodes


async def test_hot_statements_reach_their_rows_by_their_indexes() -> None:
    async with postgres_schema() as url:
        store = PostgresStore(url, is_listening=False)
        await store.open()
        await store.close()
        connection = await connect(f"{url}&jit=off")
        # Empty tables: the question is whether an index can serve, not what a few rows cost.
        await connection.execute("SET enable_seqscan = off")
        plans = {name: await _plan(connection, STATEMENTS[name]) for name in INDEXES}
        await connection.close()

    used = {
        name: {node["Index Name"] for node in plan if "Index Name" in node}
        for name, plan in plans.items()
    }
    scans = [name for name, plan in plans.items() if _scans_a_table(plan)]
    assert used == INDEXES
    assert scans == []


def _scans_a_table(plan: list[dict[str, Any]]) -> bool:
    return any(node["Node Type"] == "Seq Scan" for node in plan)


@pytest.mark.parametrize(
    "name", ["claims.READY_LANES", "claims.NEXT_LANE", "schedules.DUE", "usage.WRITTEN"]
)
async def test_the_oldest_and_newest_are_found_without_sorting(name: str) -> None:
    async with postgres_schema() as url:
        store = PostgresStore(url, is_listening=False)
        await store.open()
        await store.close()
        connection = await connect(f"{url}&jit=off")
        await connection.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
        plan = await _plan(connection, STATEMENTS[name])
        await connection.close()

    assert "Sort" not in {node["Node Type"] for node in plan}
