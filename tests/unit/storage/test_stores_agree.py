"""Any history of calls, on SQLite as in dictionaries: the same answers and the same audit log."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.domain.audit import AuditEntry
from gateway.domain.deliveries import Delivery, SendFailed, SendLater, SendOutcome, SendUnknown
from gateway.domain.ids import AgentId, ConversationId, RunId
from gateway.domain.links import LinkOffer
from gateway.domain.messages import InboundMessage, MessageKind
from gateway.domain.people import Route, person_id_of
from gateway.domain.schedules import Fire, Schedule
from gateway.domain.tools import ToolCall, ToolResult
from gateway.domain.turns import Cancellation, Turn, TurnOutcome, TurnState
from gateway.errors import PosternError
from gateway.ports import Store
from storage.memory import MemoryStore
from storage.sqlite import SqliteStore
from tests.contracts.store.words import (
    LEASE,
    PLATFORM,
    QUIET,
    ROUTE,
    SHARED,
    WORKER,
    at,
    identity,
    message,
    part,
    post,
    refusal,
    sent_as,
)

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - for thousands of commits that need no disk
RAM = _SHARED_MEMORY if _SHARED_MEMORY.is_dir() else None
ROUTES = (ROUTE, QUIET, SHARED, Route("scribe"))
STATES = (TurnState.DONE, TurnState.FAILED, TurnState.CANCELLED)

MUST_BE_EMPTY = {
    "an idle lane has nothing waiting": """
        SELECT lane FROM mailbox WHERE state = 0
            AND EXISTS (SELECT 1 FROM inbox WHERE inbox.lane = mailbox.lane AND inbox.state = 0)
    """,
    "a ready lane has something to do": """
        SELECT lane FROM mailbox WHERE state = 1 AND turn IS NULL
            AND NOT EXISTS (SELECT 1 FROM inbox WHERE inbox.lane = mailbox.lane AND state = 0)
    """,
    "a parked lane has something to do": """
        SELECT lane FROM mailbox WHERE state = 3 AND turn IS NULL
            AND NOT EXISTS (SELECT 1 FROM inbox WHERE inbox.lane = mailbox.lane AND state = 0)
    """,
    "a parked lane waits for somebody's seat": """
        SELECT lane FROM mailbox WHERE state = 3 AND person IS NULL
    """,
    "what waits in a parked lane is its person's": """
        SELECT inbox.seq FROM mailbox JOIN inbox USING (lane)
        WHERE mailbox.state = 3 AND inbox.state = 0 AND inbox.person <> mailbox.person
    """,
    "a lane knows its oldest waiting message": """
        SELECT lane FROM mailbox WHERE first_at IS NOT (
            SELECT min(received_at) FROM inbox WHERE inbox.lane = mailbox.lane AND state = 0
        )
    """,
    "a running turn is the open turn of its lane": """
        SELECT turn.id FROM turn LEFT JOIN mailbox ON mailbox.turn = turn.id
        WHERE (turn.state = 'running') <> (mailbox.lane IS NOT NULL)
    """,
    "a conversation with something open is ready for it": """
        SELECT conversation FROM outbox WHERE state < 2 AND ready_at IS NOT (
            SELECT next_at FROM delivery
            WHERE delivery.conversation = outbox.conversation AND delivery.state < 3
            ORDER BY seq LIMIT 1
        )
    """,
    "what is being sent is claimed": """
        SELECT id FROM delivery JOIN outbox USING (conversation)
        WHERE delivery.state = 1 AND outbox.state <> 2
    """,
    "one is sent at a time": """
        SELECT conversation FROM delivery WHERE state = 1 GROUP BY conversation HAVING count(*) > 1
    """,
    "a sequence number is given once": "SELECT seq FROM inbox JOIN delivery USING (seq)",
}


@dataclass
class Story:
    """Two stores living through the same history."""

    memory: Store
    sqlite: Store
    now: float = 0
    turns: list[Turn] = field(default_factory=list[Turn])
    posts: list[Delivery] = field(default_factory=list[Delivery])
    fires: int = 0

    async def both(self, call: Callable[[Store], Awaitable[Any]]) -> Any:
        """Ask both the same; returns what both answered."""
        expected, got = await _ask(call, self.memory), await _ask(call, self.sqlite)
        assert got == expected
        return expected

    @property
    def moment(self) -> Any:
        return at(self.now)


async def _ask(call: Callable[[Store], Awaitable[Any]], store: Store) -> Any:
    try:
        return await call(store)
    except (PosternError, ValueError) as error:
        return type(error), str(error)


Step = Callable[[Story], Awaitable[object]]


def _said(event: int, user: int, channel: int, *, has_handle: bool = False) -> InboundMessage:
    said = message(f"e{event}", user=f"user{user}", channel=f"c{channel}")
    return replace(said, handle="token" if has_handle else None)


def accept(event: int, user: int, channel: int, route: int, has_handle: bool) -> Step:
    said = _said(event, user, channel, has_handle=has_handle)
    return lambda story: story.both(lambda s: s.turns.accept(said, ROUTES[route], story.moment))


def change(event: int, user: int, target: int, is_edit: bool) -> Step:
    kind = MessageKind.EDIT if is_edit else MessageKind.DELETE
    said = replace(_said(100 + event, user, 0), kind=kind, target=f"e{target}")

    async def step(story: Story) -> None:
        if is_edit:
            await story.both(lambda s: s.turns.revise(said, story.moment))
        else:
            await story.both(lambda s: s.turns.withdraw(said, story.moment))

    return step


def refuse(event: int, user: int, code: int | None) -> Step:
    turned = refusal(
        f"e{event}", user=f"user{user}", code=None if code is None else f"hash-{code}", limit=2
    )
    return lambda story: story.both(lambda s: s.turns.refuse(turned, story.moment))


def link(user: int, code: int | None, typed: int | None) -> Step:
    """Show a code, type one, or let go."""
    who = identity(f"user{user}")

    def step(story: Story) -> Awaitable[object]:
        if code is not None:
            shown = LinkOffer(who, ConversationId("fake:local:c0"), f"code-{code}", story.moment)
            return story.both(lambda s: s.links.offer(shown))
        if typed is not None:
            return story.both(lambda s: s.links.link(f"code-{typed}", who, story.moment))
        return story.both(lambda s: s.links.unlink(who, story.moment))

    return step


def bind(user: int, role: int) -> Step:
    """Give somebody an agent."""
    owner, name = person_id_of(identity(f"user{user}")), f"role{role}"

    async def step(story: Story) -> None:
        await story.both(lambda s: s.people.intend_agent(owner, name, story.moment))
        await story.both(lambda s: s.people.bind_agent(owner, name, AgentId(f"agent-{user}")))
        await story.both(lambda s: s.people.record_template(owner, name, "v1"))

    return step


def rebind(user: int, role: int, *, is_adopted: bool) -> Step:
    """Give somebody another agent, or none."""
    owner, name = person_id_of(identity(f"user{user}")), f"role{role}"

    def step(story: Story) -> Awaitable[object]:
        agent = AgentId("agent-0")
        if is_adopted:
            return story.both(lambda s: s.people.adopt_agent(owner, name, agent, story.moment))
        return story.both(lambda s: s.people.unbind_agent(owner, name, agent, story.moment))

    return step


def claim_turns(limit: int, per_person: int) -> Step:
    async def step(story: Story) -> None:
        claim = await story.both(
            lambda s: s.turns.claim(WORKER, limit, LEASE, story.moment, per_person)
        )
        story.turns += claim.turns

    return step


def with_turn(which: int, act: Callable[[Story, Turn], Awaitable[object]]) -> Step:
    async def step(story: Story) -> None:
        if story.turns:
            await act(story, story.turns[-1 - which % len(story.turns)])

    return step


def finish(which: int, parts: int, state: int) -> Step:
    def act(story: Story, turn: Turn) -> Awaitable[object]:
        said = tuple(part(turn, index, f"answer {index}") for index in range(parts))
        outcome = TurnOutcome(STATES[state], said, None if state == 0 else "broken")
        return story.both(lambda s: s.turns.finish(turn.ref, outcome, story.moment))

    return with_turn(which, act)


def postpone(which: int, seconds: int, has_notice: bool) -> Step:
    def act(story: Story, turn: Turn) -> Awaitable[object]:
        notice = post(f"{turn.ref.id}.late") if has_notice else None
        until = at(story.now + seconds)
        return story.both(
            lambda s: s.turns.postpone(turn.ref, until, "later", notice, story.moment)
        )

    return with_turn(which, act)


def draft(which: int, index: int) -> Step:
    def act(story: Story, turn: Turn) -> Awaitable[object]:
        shown = part(turn, index, "…", is_draft=True)
        return story.both(lambda s: s.turns.open_draft(turn.ref, shown, story.moment))

    return with_turn(which, act)


def record(which: int, index: int) -> Step:
    async def act(story: Story, turn: Turn) -> None:
        run, call = RunId(f"run-{index}"), ToolCall(f"call-{index}", "add", "{}")
        result = ToolResult(call.id, "3", is_error=index == 1)
        await story.both(lambda s: s.turns.record_run(turn.ref, index, run))
        await story.both(lambda s: s.turns.record_tool_result(turn.ref, call, result))

    return with_turn(which, act)


def cancel(event: int, user: int, which: int) -> Step:
    """Give the command, or give it again, and have it carried out in one of the turns."""
    word = replace(_said(200 + event, user, 0), kind=MessageKind.COMMAND)

    async def act(story: Story, turn: Turn) -> object:
        person = person_id_of(word.sender.identity)
        lanes = tuple(route.lane(person, word.conversation) for route in ROUTES)
        ask = Cancellation(word, person, lanes)
        await story.both(lambda s: s.turns.accept(word, ROUTE, story.moment))
        await story.both(lambda s: s.turns.cancel(turn.ref, ask, story.moment))
        return await story.both(lambda s: _sorted(s.turns.cancelled()))

    return with_turn(which, act)


async def _sorted(turns: Awaitable[Collection[str]]) -> list[str]:
    return sorted(await turns)


def extend_turns() -> Step:
    def step(story: Story) -> Awaitable[object]:
        refs = [turn.ref for turn in story.turns]
        return story.both(lambda s: s.turns.extend(refs, LEASE, story.moment))

    return step


def enqueue(name: int, channel: int) -> Step:
    new = post(f"post-{name}", channel=f"c{channel}")
    return lambda story: story.both(lambda s: s.deliveries.enqueue([new], story.moment))


def claim_posts(limit: int) -> Step:
    async def step(story: Story) -> None:
        claim = await story.both(
            lambda s: s.deliveries.claim(WORKER, [PLATFORM], limit, LEASE, story.moment)
        )
        story.posts += claim.deliveries

    return step


def settle(which: int, kind: int, seconds: int) -> Step:
    async def step(story: Story) -> None:
        if not story.posts:
            return
        delivery = story.posts[-1 - which % len(story.posts)]
        later = at(story.now + seconds)
        outcomes: tuple[SendOutcome, ...] = (
            sent_as(f"p-{delivery.id}"),
            SendLater(later, "slow down"),
            SendUnknown(later, "timeout"),
            SendFailed("no"),
        )
        await story.both(lambda s: s.deliveries.settle(delivery, outcomes[kind], story.moment))
        await story.both(lambda s: s.deliveries.get(delivery.id))

    return step


def recover(is_successor: bool) -> Step:
    async def step(story: Story) -> None:
        before = WORKER if is_successor else None
        await story.both(lambda s: s.turns.recover(story.moment, before))
        await story.both(lambda s: s.deliveries.recover(story.moment, before))

    return step


def schedule(name: int, due: int) -> Step:
    new = Schedule(f"s{name}", "every:60", "UTC", at(due))
    return lambda story: story.both(lambda s: s.schedules.put(new))


def fire() -> Step:
    async def step(story: Story) -> None:
        due = await story.both(lambda s: s.schedules.due(story.moment, 2))
        fires = [_fire(read) for read in due]
        await story.both(lambda s: s.schedules.fire(fires * 2, story.moment))

    return step


def _fire(read: Schedule) -> Fire:
    assert read.next_at is not None
    said = message(f"{read.id}:{read.next_at.isoformat()}", user="user0")
    return Fire(read, read.next_at, read.next_at + timedelta(seconds=60), said, ROUTE)


def retain(seconds: int, limit: int) -> Step:
    def step(story: Story) -> Awaitable[object]:
        before = at(story.now - seconds)
        return story.both(lambda s: s.history.retain(before, limit))

    return step


def wait(seconds: int) -> Step:
    async def step(story: Story) -> None:
        story.now += seconds

    return step


def restart() -> Step:
    async def step(story: Story) -> None:
        await story.sqlite.close()
        await story.sqlite.open()

    return step


EVENT, USER, CHANNEL = st.integers(0, 15), st.integers(0, 1), st.integers(0, 1)
FEW, SECONDS = st.integers(0, 2), st.integers(0, 40)

PLAIN_STEPS = st.one_of(
    st.builds(accept, EVENT, USER, CHANNEL, st.integers(0, 3), st.booleans()),
    st.builds(accept, EVENT, USER, CHANNEL, st.just(0), st.just(value=False)),
    st.builds(change, FEW, USER, EVENT, st.booleans()),
    st.builds(refuse, EVENT, USER, st.none() | FEW),
    st.builds(claim_turns, st.integers(1, 3), st.integers(1, 2)),
    st.builds(finish, FEW, FEW, FEW),
    st.builds(finish, FEW, FEW, st.just(0)),
    st.builds(postpone, FEW, SECONDS, st.booleans()),
    st.builds(record, FEW, FEW),
    st.builds(extend_turns),
    st.builds(cancel, FEW, USER, FEW),
    st.builds(enqueue, st.integers(0, 6), CHANNEL),
    st.builds(claim_posts, st.integers(1, 3)),
    st.builds(settle, FEW, st.integers(0, 3), SECONDS),
    st.builds(settle, FEW, st.just(0), SECONDS),
    st.builds(recover, st.booleans()),
    st.builds(schedule, USER, SECONDS),
    st.builds(fire),
    st.builds(retain, SECONDS, st.integers(1, 5)),
    st.builds(wait, SECONDS),
    st.builds(link, USER, FEW, st.none()),
    st.builds(link, USER, st.none(), st.none() | FEW),
    st.builds(bind, USER, USER),
    st.builds(rebind, USER, USER, is_adopted=st.booleans()),
    st.builds(restart),
)
STEPS = PLAIN_STEPS | st.builds(draft, FEW, FEW)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(STEPS, min_size=10, max_size=60))
async def test_sqlite_tells_the_same_story_as_memory(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory(dir=RAM) as folder:
        path = Path(folder) / "postern.db"
        story = Story(MemoryStore(), SqliteStore(path))
        await story.memory.open()
        await story.sqlite.open()
        try:
            for step in steps:
                await step(story)
            await compare(story)
        finally:
            await story.sqlite.close()
        check_invariants(path)


async def compare(story: Story) -> None:
    for channel in ("c0", "c1"):
        place = ConversationId(f"{PLATFORM}:local:{channel}")
        await story.both(lambda s, place=place: s.history.history(place, None, 100))
    for event in range(16):
        said = message(f"e{event}")
        await story.both(lambda s, said=said: s.history.answer(said))
    await story.both(lambda s: s.people.bindings())
    await story.both(lambda s: s.people.everybody())
    for user in range(2):
        owner = person_id_of(identity(f"user{user}"))
        await story.both(lambda s, owner=owner: s.people.identities(owner))
    await story.both(lambda s: s.history.counts())
    logs = [await s.history.audit(0, 10_000) for s in (story.memory, story.sqlite)]
    assert [_written(entry) for entry in logs[0]] == [_written(entry) for entry in logs[1]]


def _written(entry: AuditEntry) -> tuple[object, ...]:
    data = json.dumps(dict(entry.data))
    return entry.sequence, entry.at, entry.kind, entry.subject, entry.ref, data


def check_invariants(path: Path) -> None:
    """Fail when a SQLite database, whatever its moment, breaks what must always hold."""
    connection = sqlite3.connect(path)
    broken = {
        name: rows
        for name, query in MUST_BE_EMPTY.items()
        if (rows := connection.execute(query).fetchall())
    }
    connection.close()
    assert broken == {}
