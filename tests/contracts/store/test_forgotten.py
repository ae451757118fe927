"""Who is forgotten leaves no word behind, in whatever table it was."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest

from gateway.domain.artifacts import Attachment
from gateway.domain.canvases import Canvas, Text
from gateway.domain.compute import NewTask, Outcome
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import AgentId, DeliveryId, RunId, SessionId
from gateway.domain.memory import MemoryEdit
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Mode, Pairing, Route, Sender, person_id_of
from gateway.domain.schedules import Wakeup
from gateway.domain.tokens import TokenOffer
from gateway.domain.tools import ToolCall, ToolResult
from gateway.domain.turns import TurnOutcome, TurnState
from gateway.ports import Store
from storage.memory import MemoryStore
from storage.postgres import PostgresStore
from storage.postgres.client import connect
from storage.sqlite import SqliteStore
from tests.contracts.store.test_approvals import approval, questions
from tests.contracts.store.test_errands import answered, asked, errand
from tests.contracts.store.test_schedules import daily
from tests.contracts.store.words import (
    LEASE,
    PLATFORM,
    ROUTE,
    WORKER,
    at,
    claim_turn,
    claim_turns,
    done,
    identity,
    message,
    part,
    place,
    refusal,
    send_all,
    sent_as,
    settle,
    start_turn,
)
from tests.fakes.postgres import postgres_schema

CANARY = "my diary says canary"
KEPT = "what bob said"
ADA, BOB = person_id_of(identity("ada")), person_id_of(identity("bob"))
HOME = Conversation("web", "local", "ada")
SHARED = Route("helpdesk", Mode.SHARED)
OWN, COMMON = AgentId("agent-ada"), AgentId("agent-common")
CALL = ToolCall("call-1", "search", "{}")
FILE = Attachment(f"{CANARY}.txt", "text/plain", 1, "person-ada/x")

WITH_WORDS = {
    "inbox": "what was said",
    "delivery": "what was answered and posted",
    "turn": "errors quote",
    "tool_result": "what tools returned",
    "approval": "arguments of a call",
    "errand": "questions to other agents",
    "task": "arguments and results",
    "note": "what was seen and chosen",
    "person": "the name",
    "pairing": "the name",
    "memory_edit": "both texts",
    "api_token": "what its person calls it",
}
WITHOUT_WORDS = {
    "audit": "ids and outcomes alone, as its tests show",
    "ban": "ids and moments: a ban outlives who is forgotten",
    "binding": "ids",
    "compute_function": "the operator's code",
    "fire": "moments and outcomes",
    "handed": "requests that nobody has read yet: what is in them comes from a stranger",
    "identity": "ids of accounts, which go too",
    "install_state": "digests",
    "installation": "the operator's, sealed",
    "lease": "the gateway's own",
    "link_offer": "hashes and accounts, which go too",
    "link_try": "accounts, which go too",
    "mailbox": "ids",
    "outbox": "ids",
    "postern_schema": "a number",
    "schedule": "the command removes those of the person, before",
    "session": "ids, which go too",
    "thread": "ids, which go too",
    "usage": "numbers",
}
"""Why no word of a person can be in them. A new table has to be in one of the two."""

Tables = dict[str, str]


@dataclass(frozen=True)
class Kept:
    """A store, and all that is in its tables."""

    store: Store
    look: Callable[[], Awaitable[Tables]]

    async def tables_with(self, words: str) -> set[str]:
        return {table for table, rows in (await self.look()).items() if words in rows}


@asynccontextmanager
async def _memory(_: Path) -> AsyncGenerator[Kept]:
    store = MemoryStore()
    await store.open()
    tables = cast("dict[str, object]", vars(vars(store.personal)["_tables"]))  # all of them

    async def look() -> Tables:
        return {name: repr(rows) for name, rows in tables.items()}

    yield Kept(store, look)
    await store.close()


@asynccontextmanager
async def _sqlite(folder: Path) -> AsyncGenerator[Kept]:
    path = folder / "postern.db"
    store = SqliteStore(path)
    await store.open()

    async def look() -> Tables:
        return await asyncio.to_thread(_read_file, path)

    yield Kept(store, look)
    await store.close()


def _read_file(path: Path) -> Tables:
    connection = sqlite3.connect(path)
    names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    tables = {
        name: repr(connection.execute(f'SELECT * FROM "{name}"').fetchall())  # noqa: S608
        for (name,) in names
        if not name.startswith("sqlite_")
    }
    connection.close()
    return tables


@asynccontextmanager
async def _postgres(_: Path) -> AsyncGenerator[Kept]:
    async with postgres_schema() as url:
        store = PostgresStore(url)
        await store.open()

        async def look() -> Tables:
            connection = await connect(url)
            names = await connection.fetch(
                "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
            )
            tables = {
                name: repr(await connection.fetch(f'SELECT * FROM "{name}"'))  # noqa: S608
                for (name,) in names
            }
            await connection.close()
            return tables

        yield Kept(store, look)
        await store.close()


KINDS = {"memory": _memory, "sqlite": _sqlite, "postgres": _postgres}


@pytest.fixture(params=KINDS)
async def kept(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Kept]:
    async with KINDS[cast("str", request.param)](tmp_path) as kept:
        yield kept


def _says(event: str, where: Conversation = HOME) -> InboundMessage:
    sender = Sender(identity("ada"), f"Ada, {CANARY}")
    plain = replace(message(event, text=CANARY), conversation=where, sender=sender)
    return replace(plain, attachments=(FILE,))


def _posts(name: str, where: Conversation) -> NewDelivery:
    return NewDelivery(DeliveryId(name), where, CANARY, canvas=Canvas((Text(CANARY),)))


async def _talk(store: Store) -> None:
    """Two turns: one is answered and posts elsewhere, one fails; then something waits."""
    await store.turns.accept(_says("e1"), ROUTE, at(0))
    turn = await claim_turn(store)
    await store.turns.record_run(turn.ref, 0, RunId("run-1"))
    await store.turns.record_tool_result(turn.ref, CALL, ToolResult("call-1", CANARY))
    await store.deliveries.enqueue([_posts(f"{turn.ref.id}.post-call-1", place("c1"))], at(0))
    await store.turns.finish(turn.ref, done(part(turn, 0, CANARY)), at(0))
    await store.turns.accept(_says("e2"), ROUTE, at(0))
    failed = TurnOutcome(TurnState.FAILED, (), f"KeyError: {CANARY}")
    await store.turns.finish((await claim_turn(store)).ref, failed, at(0))
    await store.deliveries.enqueue([_posts("alert-1", HOME)], at(0))
    await send_all(store)
    home = await store.deliveries.claim(WORKER, ["web"], 10, LEASE, at(0))
    while home.deliveries:
        for delivery in home.deliveries:
            await settle(store, delivery, sent_as("p"))
        home = await store.deliveries.claim(WORKER, ["web"], 10, LEASE, at(0))
    await store.turns.accept(_says("e3", place("c1")), SHARED, at(0))


async def _ask_and_run(store: Store) -> None:
    """Everything that agents do in a person's name, beside answering."""
    call = ToolCall("call-9", "pay", f'{{"to": "{CANARY}"}}')
    asks = replace(approval("call-9"), person=ADA, call=call, copies=(place("c7"),))
    await store.approvals.ask(asks, [replace(one, text=CANARY) for one in questions(asks)], at(0))
    one = replace(errand(), question=CANARY)
    await store.errands.change([asked(one)], at(0))
    await store.errands.change([answered(one, CANARY)], at(0))
    new = NewTask("t1", "double", "v1", f'{{"args": ["{CANARY}"], "kwargs": {{}}}}', to=HOME)
    await store.tasks.add([new, replace(new, id="t2")], at(0))
    (first, _) = await store.tasks.claim(WORKER, at(0), LEASE, 2)
    await store.tasks.finish("t1", first.fence, Outcome(is_done=True, text=CANARY), at(0))


async def _remember(store: Store) -> None:
    await store.people.intend_agent(ADA, "postern", at(0))
    await store.people.bind_agent(ADA, "postern", OWN)
    await store.people.bind_session(OWN, HOME.id, SessionId("thread-1"))
    for agent in (OWN, COMMON):
        await store.memory_edits.add(MemoryEdit(agent, "human", CANARY, CANARY, ADA, at(0)))
    await store.notes.put(ADA, "zone", CANARY)
    await store.tokens.offer(TokenOffer("tok-1", identity("ada"), CANARY, "hash", at(0)))
    watch = Wakeup(HOME, None, "Look.")
    await store.schedules.put(replace(daily("watch"), wakeup=watch))
    await store.notes.put("schedule:watch", "brief", CANARY)
    code = Pairing(identity("ada"), CANARY, "code", at(0), at(99))
    await store.turns.refuse(replace(refusal("r1", code="code"), pairing=code), at(0))


async def _live(store: Store) -> None:
    await _talk(store)
    await _remember(store)
    await _ask_and_run(store)
    await send_all(store)
    bobs = message("b1", user="bob", text=KEPT, channel="c1")
    await store.turns.accept(bobs, SHARED, at(0))
    await store.memory_edits.add(MemoryEdit(COMMON, "human", "", KEPT, BOB, at(1)))


async def test_no_table_holds_a_word_of_who_was_forgotten(kept: Kept) -> None:
    await _live(kept.store)
    before = await kept.tables_with(CANARY)

    assert await kept.store.personal.forget(ADA, at(5)) is not None

    assert len(before) >= len(WITH_WORDS)
    assert await kept.tables_with(CANARY) == set()
    assert {*before} >= await kept.tables_with(KEPT) != set()


@pytest.mark.parametrize("kept", ["sqlite", "postgres"], indirect=True)
async def test_each_table_is_known_to_hold_words_or_none(kept: Kept) -> None:
    await _live(kept.store)

    assert await kept.tables_with(CANARY) == set(WITH_WORDS)
    assert set(await kept.look()) <= set(WITH_WORDS) | set(WITHOUT_WORDS)


NOT_EXPORTED = {
    "turn": "errors are for the operator",
    "task": "the operator's runs",
    "person": "the command writes the name itself",
    "pairing": "the name again",
}


async def test_what_would_be_forgotten_can_be_read_first(kept: Kept) -> None:
    store = kept.store
    await _live(store)

    said = (await store.personal.record(ADA, 1_000)).said
    rest = await store.personal.kept(ADA)

    with_words = [each for each in said if CANARY in each.entry.text]
    assert len([each for each in with_words if each.entry.author == "user"]) >= 3
    names = {each.entry.id.rpartition(".")[2] for each in with_words}
    assert {"post-call-1", "0", "alert-1"} < names
    assert [each.kind for each in rest] == ["edit", "edit", "errand", "note", "question", "token"]
    assert all(CANARY in each.texts[0] for each in rest)
    assert KEPT not in repr((said, rest))
    found = {"inbox", "delivery", "tool_result", "approval", "errand", "note", "memory_edit"}
    found |= {"api_token"}
    assert {each.entry.author for each in with_words} == {"user", "assistant", "tool"}
    assert found | set(NOT_EXPORTED) == set(WITH_WORDS)


async def test_what_was_not_sent_yet_is_taken_back(kept: Kept) -> None:
    store = kept.store
    turn = await start_turn(store)
    posts = [_posts(f"{turn.ref.id}.post-{name}", place(name)) for name in ("c1", "c2")]
    await store.deliveries.enqueue(posts, at(0))
    (sending,) = (await store.deliveries.claim(WORKER, [PLATFORM], 1, LEASE, at(0))).deliveries
    await store.turns.finish(turn.ref, done(), at(0))

    await store.personal.forget(ADA, at(1))
    await settle(store, sending, sent_as("p-1"), now=2)

    assert await send_all(store, now=3) == [(sending.id, "")]
    assert await kept.tables_with(CANARY) == set()


async def test_nobody_is_forgotten_half_while_an_agent_works(kept: Kept) -> None:
    store = kept.store
    await store.turns.accept(_says("e1"), ROUTE, at(0))
    await claim_turn(store)
    before = await kept.look()

    assert await store.personal.forget(ADA, at(1)) is None

    assert await kept.look() == before


async def test_who_writes_while_being_forgotten_is_a_stranger_or_was_withdrawn(kept: Kept) -> None:
    store = kept.store
    for round_ in range(10):
        await store.turns.accept(_says(f"first-{round_}"), ROUTE, at(0))
        writes = [
            store.turns.accept(_says(f"e{round_}-{lane}"), Route(f"role-{lane}"), at(1))
            for lane in range(5)
        ]
        await asyncio.gather(*writes[:2], store.personal.forget(ADA, at(1)), *writes[2:])

        heard = [turn for turn in await claim_turns(store, now=2) if turn.messages]
        met = await store.people.find_person(identity("ada"))
        assert bool(heard) == (met is not None)
        for turn in heard:
            assert [each.text for each in turn.messages] == [CANARY]
            await store.turns.finish(turn.ref, done(), at(3))
        await store.personal.forget(ADA, at(4))
        assert await kept.tables_with(CANARY) == set()


async def test_what_others_see_of_a_shared_place_stays(kept: Kept) -> None:
    store = kept.store
    await store.deliveries.enqueue([replace(_posts("news", HOME), text=KEPT)], at(0))
    bobs = replace(message("b1", user="bob", text=KEPT), conversation=HOME)
    await store.turns.accept(bobs, SHARED, at(0))
    await store.turns.accept(_says("e1"), SHARED, at(0))

    await store.personal.forget(ADA, at(1))

    said = [entry.text for entry in await store.history.history(HOME.id, None, 10)]
    assert said == [KEPT, KEPT]
