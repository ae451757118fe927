"""Every statement of the SQLite store finds its rows by an index; none that is hot scans."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

import pytest

import storage.sqlite
from storage.sqlite.migrate import migrate

MODULES = tuple(
    import_module(f"storage.sqlite.{module.name}")
    for module in iter_modules(storage.sqlite.__path__)
    if module.name not in ("migrate", "migrations", "snapshots")
)

POSTS = {
    "sqlite_autoindex_delivery_1",
    "delivery_conversation",
    "inbox_person",
    "answer (scan)",
    "turn (key)",
    "approval (scan)",
}

INDEXES = {
    "committer.NEWEST_SEQUENCE": {"inbox (key)", "delivery (key)"},
    "inbox.LOOK_UP": {"asked (scan)", "sqlite_autoindex_inbox_1", "identity (key)"},
    "inbox.ANY_READY": {"woken (scan)", "mailbox (key)"},
    "inbox.KNOWN_MESSAGE": {"sqlite_autoindex_inbox_1"},
    "inbox.SET_REPLY": {"inbox (key)"},
    "inbox.REVISE_WAITING": {"sqlite_autoindex_inbox_1"},
    "inbox.WITHDRAW_WAITING": {"sqlite_autoindex_inbox_1"},
    "inbox.STATE_OF": {"sqlite_autoindex_inbox_1"},
    "inbox.FORGET_WAITING": {"mailbox (key)", "inbox_waiting"},
    "claims.READY_LANES": {"mailbox_ready (scan)", "mailbox_seat"},
    "claims.PARKED_LANES": {
        "mailbox (key)",
        "mailbox_parked",
        "mailbox_seat",
        "owner (scan)",
    },
    "claims.ONLY_PERSON": {"inbox_waiting", "inbox_turn"},
    "claims.IS_CANCELLED": {"turn (key)"},
    "claims.SEATS_TAKEN": {"mailbox_seat"},
    "claims.PARK_LANE": {"mailbox (key)"},
    "claims.OLDEST_WAITING": {"inbox (key)", "inbox_waiting"},
    "claims.TAKE_MESSAGE": {"inbox (key)"},
    "claims.HOLD_LANE": {"mailbox (key)", "inbox_waiting"},
    "claims.CLAIM_AGAIN": {"turn (key)"},
    "claims.TURN_MESSAGES": {"inbox_turn"},
    "claims.TURN_RESULTS": {"sqlite_autoindex_tool_result_1"},
    "claims.TURN_DRAFTS": {"delivery_drafts"},
    "turns.IS_HELD": {"mailbox (key)"},
    "turns.EXTEND_LANE": {"mailbox (key)"},
    "turns.ADD_RUN": {"turn (key)", "mailbox (key)"},
    "turns.RELEASE_LANE": {
        "mailbox (key)",
        "inbox_waiting",
        "mailbox_parked",
        "delivery_drafts",
    },
    "turns.END_TURN": {"turn (key)"},
    "turns.POSTPONE_LANE": {"mailbox (key)"},
    "turns.POSTPONE_TURN": {"turn (key)"},
    "turns.NOTICE_TURN": {"turn (key)"},
    "turns.EXPIRED_LANES": {"mailbox_busy"},
    "turns.OWNED_LANES": {"mailbox_seat (scan)"},
    "turns.LOSE_LANE": {"mailbox (key)"},
    "cancelling.CANCELLED_TURNS": {"turn_cancelled (scan)"},
    "cancelling.KNOWN_RESULT": {"sqlite_autoindex_tool_result_1"},
    "cancelling.PLACE_OF": {"sqlite_autoindex_inbox_1"},
    "cancelling.OPEN_TURN": {"mailbox (key)", "inbox_turn"},
    "cancelling.CANCEL_TURN": {"turn (key)"},
    "cancelling.HURRY_LANE": {"mailbox (key)"},
    "cancelling.WITHDRAW_SAID": {"inbox_waiting"},
    "deliveries.READY_FOR_FIRST": {"outbox (key)", "delivery_open"},
    "deliveries.DRAFTS": {"delivery_drafts"},
    "deliveries.REVISE": {"sqlite_autoindex_delivery_1"},
    "deliveries.DROP": {"sqlite_autoindex_delivery_1"},
    "deliveries.UNSENT": {"sqlite_autoindex_delivery_1"},
    "deliveries.READY_POSTS": {"outbox_ready"},
    "deliveries.TAKE_FIRST": {"delivery (key)", "delivery_open"},
    "deliveries.HOLD_OUTBOX": {"outbox (key)"},
    "deliveries.EXTEND_OUTBOX": {"outbox (key)"},
    "deliveries.HELD_REVISION": {"outbox (key)", "sqlite_autoindex_delivery_1"},
    "deliveries.SETTLE": {"sqlite_autoindex_delivery_1"},
    "deliveries.RELEASE_OUTBOX": {"outbox (key)", "delivery_open"},
    "deliveries.GET": {"outbox (key)", "sqlite_autoindex_delivery_1"},
    "deliveries.NUMBERED": {"delivery (key)", "outbox (key)"},
    "deliveries.STANDING": {"sqlite_autoindex_delivery_1"},
    "deliveries.EXPIRED_OUTBOXES": {"outbox_busy"},
    "deliveries.OWNED_OUTBOXES": {"outbox_busy (scan)"},
    "deliveries.LOSE_SENDING": {"delivery_open"},
    "bans.LINKED": {"own (key)", "identity_person"},
    "bans.DROP_OVER": {"ban (scan)"},
    "bans.LIFT_BAN": {"ban (key)"},
    "bans.IS_BANNED": {"ban (key)"},
    "bans.LIVE_BANS": {"ban (scan)"},
    "people.FIND_PERSON_ID": {"identity (key)"},
    "people.FIND_PERSON": {"identity (key)", "person (key)"},
    "people.GET_PERSON": {"person (key)"},
    "people.COUNT_WISHES": {"pairing_identity"},
    "people.LIVE_WISHES": {"pairing_waiting"},
    "people.DECIDE": {"pairing (key)"},
    "people.IS_PAIRED": {"pairing_identity"},
    "people.GET_BINDING": {"binding (key)"},
    "people.BIND_AGENT": {"binding (key)"},
    "people.SET_TEMPLATE": {"binding (key)"},
    "people.DROP_BINDING": {"binding (key)"},
    "people.RENEW_INTENT": {"binding (key)"},
    "people.ALL_BINDINGS": {"binding (scan)"},
    "people.BINDINGS_OF": {"binding (key)"},
    "people.SESSIONS_OF": {"session (key)"},
    "people.GET_SESSION": {"session (key)"},
    "people.CONTACTS": {"binding (key)", "session (key)"},
    "people.LAST_SENDER": {"inbox_conversation"},
    "schedules.DUE": {"schedule_due"},
    "schedules.NEXT_DUE": {"schedule_due"},
    "schedules.GET": {"schedule (key)"},
    "schedules.PAGE": {"schedule (key)"},
    "schedules.IN_CONVERSATION": {"schedule_conversation"},
    "schedules.REMOVE": {"schedule (key)"},
    "schedules.DROP_NOTES_OF": {"note (key)"},
    "schedules.PAST_SLOTS": {"fire (key)"},
    "schedules.ADVANCE": {"schedule (key)"},
    "schedules.SET_MESSAGE": {"fire (key)"},
    "schedules.SET_OWNER": {"fire (key)"},
    "fires.ENDED": {"fire_open (scan)", "inbox (key)", "turn (key)", "sqlite_autoindex_delivery_1"},
    "fires.JUDGE": {"fire (key)"},
    "fires.FARE": {"schedule (key)"},
    "fires.ACTIVITY": {
        "fire_role",
        "inbox (key)",
        "turn (key)",
        "sqlite_autoindex_delivery_1",
    },
    "fires.ACTIVITY_OF": {
        "fire_person",
        "inbox (key)",
        "turn (key)",
        "sqlite_autoindex_delivery_1",
    },
    "fires.FORGET": {"fire (key)", "fire_age"},
    "fires.PULSE": {"mailbox (key)", "inbox_conversation"},
    "fires.NOTES_OF": {"note (key)"},
    "fires.GET_NOTE": {"note (key)"},
    "fires.DROP_NOTE": {"note (key)"},
    "singles.HELD": {"lease (key)"},
    "singles.LET_GO": {"lease (key)"},
    "singles.OLDEST": {"handed (scan)"},
    "singles.DROP": {"handed (key)"},
    "approvals.GET": {"approval (key)"},
    "approvals.DECIDE": {"approval (key)"},
    "approvals.WAITING": {"approval_waiting"},
    "approvals.DUE": {"approval_due"},
    "history.HISTORY": {"inbox_conversation", "delivery_conversation"},
    "history.CONVERSATIONS": {"outbox (key)", "inbox_conversation"},
    "history.NEWEST_EVENTS": {"inbox_conversation", "place (scan)"},
    "history.TURN_OF": {"sqlite_autoindex_inbox_1"},
    "history.FIND_MESSAGE": {"sqlite_autoindex_inbox_1", "turn (key)"},
    "history.SAID": {"sqlite_autoindex_delivery_1"},
    "history.COUNTS": {
        "mailbox_ready (scan)",
        "mailbox_parked (scan)",
        "mailbox_seat (scan)",
        "delivery_open (scan)",
        "turn_failed (scan)",
        "delivery_failed (scan)",
        "inbox_waiting (scan)",
    },
    "history.AUDIT": {"audit (key)"},
    "history.TRAIL": {"audit_ref", "audit_subject", "audit_event"},
    "history.HEARD_SINCE": {"asked (scan)", "inbox_conversation"},
    "history.POSTED_SINCE": {"asked (scan)", "audit_subject", "audit_revised"},
    "history.NEWEST_AUDIT": {"audit (key)"},
    "history.PARKED": {"asked (scan)", "parked (key)", "mailbox_seat"},
    "history.OLDEST_AUDIT": {"audit (scan)"},  # its beginning: undated entries are few
    "history.DROP_AUDIT": {"audit (key)"},
    "history.EMPTY_DELIVERIES": {"delivery (key)", "delivery_settled"},
    "history.ENDED_TURNS": {"turn_kept"},
    "history.EMPTY_MESSAGES": {"inbox (key)", "inbox_turn"},
    "installations.GET": {"installation (key)"},
    "installations.RENEW": {"installation (key)"},
    "installations.END": {"installation (key)"},
    "installations.DROP_STATES": {"install_state (scan)"},
    "installations.USE_STATE": {"install_state (key)"},
    "personal.SAID": {
        "answer (scan)",
        "sqlite_autoindex_delivery_1",
        "inbox_person",
        "asked (scan)",
        "mine (scan)",
        "turn (key)",
    },
    "personal.RECORD": {
        "inbox_turn",
        "answer (scan)",
        "asked (scan)",
        "delivery_conversation",
        "inbox_person",
        "mine (scan)",
        "place (scan)",
        "post (scan)",
        "sqlite_autoindex_delivery_1",
        "sqlite_autoindex_tool_result_1",
        "turn (key)",
    },
    "personal.KEPT": {
        "api_token_account",
        "approval (scan)",
        "binding (key)",
        "errand_person",
        "identity_person",
        "memory_edit (scan)",
        "note (key)",
    },
    "personal.AT_WORK": {"inbox_person", "turn (key)"},
    "personal.FILES": {"inbox_person"},
    "personal.WITHDRAW_ALL": {"inbox_person"},
    "personal.PLACES": {"inbox_person"},
    "personal.ALONE": {"inbox_conversation", "place (scan)"},
    "personal.OPEN_POSTS": POSTS,
    "personal.EMPTY_POSTS": POSTS,
    "personal.EMPTY_TURNS": {"turn (key)", "inbox_person"},
    "personal.EMPTY_NAMES": {"inbox_person"},
    "personal.DROP_BRIEFS": {"note (key)", "schedule_conversation"},
    "personal.DROP_TASKS": {"task (scan)"},
    "personal.DROP_QUESTIONS": {"approval (key)", "approval (scan)"},
    "personal.DROP_RESULTS_OF": {"sqlite_autoindex_tool_result_1", "inbox_person"},
    "personal.EMPTY_SAID": {"inbox_person", "turn (key)"},
    "personal.DROP_PAIRINGS": {"pairing_identity", "identity_person"},
    "personal.DROP_OFFERS_OF": {"link_offer_account", "identity_person"},
    "personal.DROP_TOKENS_OF": {"api_token_account", "identity_person"},
    "personal.DROP_TRIES_OF": {"identity_person", "link_try_account"},
    "threads.THREADS": {
        "thread (key)",
        "begun (scan)",
        "span (scan)",
        "span (key)",
        "inbox_conversation",
        "said (key)",
    },
    "personal.DROP_THREADS": {"thread (key)", "binding (key)"},
    "personal.DROP_SESSIONS": {"session (key)", "binding (key)"},
    "personal.DROP_EDITS": {"memory_edit (scan)", "binding (key)"},
    "personal.DROP_BINDINGS": {"binding (key)"},
    "personal.DROP_NOTES": {"note (key)"},
    "personal.DROP_IDENTITIES": {"identity_person"},
    "personal.DROP_PERSON": {"person (key)"},
    "errands.GET": {"sqlite_autoindex_errand_1"},
    "errands.ASKED_FOR": {"errand_parent"},
    "errands.COUNT": {"errand_root"},
    "errands.COUNT_OF": {"errand_person"},
    "errands.OPEN_OF": {"errand_person"},
    "errands.DUE": {"errand_open"},
    "personal.LAST_QUESTION": {"inbox_person", "mine (scan)", "turn (key)"},
    "personal.LAST_FAILURE": {"inbox_person", "mine (scan)", "turn (key)"},
    "personal.DROP_ERRANDS": {"errand_person"},
    "memory_edits.NEWEST_EDIT": {"memory_edit (key)"},
    "memory_edits.DROP_EDIT": {"memory_edit (key)"},
    "tasks.VERSION": {"compute_function (key)"},
    "tasks.NEWEST": {"compute_function_newest"},
    "tasks.NEWEST_OF_EACH": {"compute_function (scan)"},
    "tasks.BY_ID": {"sqlite_autoindex_task_1"},
    "tasks.OF_BATCH": {"task_of_batch"},
    "tasks.LOST": {"task_running"},
    "tasks.WAITING": {"task_waiting (scan)"},
    "tasks.TO_TELL": {"task_to_tell"},
    "tasks.CHANGE": {"sqlite_autoindex_task_1"},
    "tasks.RENEW": {"task_running (scan)"},
    "tasks.TOLD": {"sqlite_autoindex_task_1"},
    "tasks.DROP": {"task_over", "task (key)"},
    "usage.WRITTEN": {"identity (key)", "inbox_person"},
    "usage.WRITTEN_IN": {"inbox_conversation"},
    "usage.OF_PERSON": {"usage (key)"},
    "usage.OF_AGENT": {"usage_role"},
    "usage.OF_SCHEDULE": {"usage_schedule"},
    "tokens.DROP_OLD_CODES": {"api_token_account"},
    "tokens.COUNT_TOKENS": {"api_token_account"},
    "tokens.REDEEM": {"sqlite_autoindex_api_token_2"},
    "tokens.FIND_TOKEN": {"sqlite_autoindex_api_token_2"},
    "tokens.TOKENS_OF": {"identity_person", "api_token_account"},
    "tokens.REVOKE": {"api_token (key)", "identity_person"},
    "links.COUNT_OFFERS": {"link_offer_account"},
    "links.REPLACE_OFFERS": {"link_offer_account"},
    "links.DROP_OFFERS": {"link_offer_account"},
    "links.GET_OFFER": {"link_offer (key)"},
    "links.TAKE_OFFER": {"link_offer (key)"},
    "links.COUNT_TRIES": {"link_try_account"},
    "links.DROP_TRIES": {"link_try_account"},
    "links.COUNT_IDENTITIES": {"identity_person"},
    "links.MOVE_IDENTITY": {"identity (key)"},
    "people.EVERYBODY": {"identity_person (scan)"},
    "people.IDENTITIES": {"identity_person"},
    "links.RESTING": {"binding (key)"},
    "dead_letters.DEAD_TURNS": {"turn_failed (scan)"},
    "dead_letters.DEAD_DELIVERIES": {"delivery_failed (scan)"},
    "dead_letters.DEAD_TURN": {"turn (key)"},
    "dead_letters.DEAD_DELIVERY": {"sqlite_autoindex_delivery_1"},
    "dead_letters.SAID_IN_TURN": {"inbox_turn"},
    "dead_letters.CLOSE_TURN": {"turn (key)"},
    "dead_letters.DROP_DELIVERY": {"sqlite_autoindex_delivery_1"},
    "dead_letters.RESEND": {"sqlite_autoindex_delivery_1"},
    "history.DROP_APPROVALS": {"approval (key)", "approval_decided"},
    "history.DROP_PASSING": {"note (key)", "note_passing"},
    "history.DROP_ERRANDS": {"errand (key)", "errand_ended"},
    "history.DROP_RESULTS": {"tool_result (key)", "sqlite_autoindex_tool_result_1"},
    "history.EMPTY_TURN": {"turn (key)"},
}
"""How each statement reaches its rows. `(scan)`: it reads a whole small index by design."""

SORTED = {
    "claims.TURN_RESULTS",
    "people.LIVE_WISHES",
    "bans.LIVE_BANS",
    "history.HISTORY",
    "history.SAID",
    "history.TRAIL",
    "history.HEARD_SINCE",
    "history.POSTED_SINCE",
    "dead_letters.DEAD_TURNS",
    "personal.SAID",
    "personal.RECORD",
    "personal.LAST_FAILURE",
    "personal.LAST_QUESTION",
    "errands.OPEN_OF",
    "tokens.TOKENS_OF",
    "personal.PLACES",
    "threads.THREADS",
    "personal.OPEN_POSTS",
    "personal.EMPTY_POSTS",
    "dead_letters.DEAD_DELIVERIES",
}
"""These sort the few rows that they found."""


SQL = re.compile(r"\s*(WITH|SELECT|INSERT|UPDATE|DELETE)")


def _name(module: ModuleType, constant: str) -> str:
    return f"{module.__name__.rpartition('.')[2]}.{constant}"


def _statements() -> Iterator[tuple[str, str]]:
    for module in MODULES:
        for constant, value in vars(module).items():
            is_sql = isinstance(value, str) and SQL.match(value)
            if constant.isupper() and constant[0] != "_" and is_sql:
                yield _name(module, constant), value


STATEMENTS = dict(_statements())


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("plans") / "postern.db"
    connection = sqlite3.connect(path, isolation_level=None)
    migrate(connection, path)
    yield connection
    connection.close()


def _plan(connection: sqlite3.Connection, sql: str) -> list[str]:
    numbered = [int(number) for number in re.findall(r"\?(\d+)", sql)]
    count = max(numbered) if numbered else sql.count("?")
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", [None] * count)]


def _ways(plan: list[str]) -> set[str]:
    """Return the indexes that the plan uses, in the words of INDEXES."""
    ways: set[str] = set()
    for step in plan:
        if not step.startswith(("SEARCH", "SCAN")) or _is_no_table(step):
            continue
        table = step.split()[1]
        index = re.search(r"USING (?:COVERING )?INDEX (\w+)", step)
        way = index[1] if index else f"{table} (key)"
        if step.startswith("SCAN"):
            way = f"{index[1] if index else table} (scan)"
        ways.add(way)
    return ways


def _is_no_table(step: str) -> bool:
    return any(word in step for word in ("json_each", "subquery", "CONSTANT ROW"))


def test_every_statement_is_listed_here() -> None:
    searching = {name for name, sql in STATEMENTS.items() if sql.split()[0] != "INSERT"}

    assert searching == set(INDEXES)


@pytest.mark.parametrize("name", INDEXES)
def test_a_statement_reaches_its_rows_by_its_index(
    connection: sqlite3.Connection, name: str
) -> None:
    assert _ways(_plan(connection, STATEMENTS[name])) == INDEXES[name]


@pytest.mark.parametrize("name", sorted(INDEXES.keys() - SORTED))
def test_a_statement_sorts_nothing(connection: sqlite3.Connection, name: str) -> None:
    assert not [step for step in _plan(connection, STATEMENTS[name]) if "TEMP B-TREE" in step]
