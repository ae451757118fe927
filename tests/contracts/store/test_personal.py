"""Everything of one person: looked through, and forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.domain.artifacts import Attachment
from gateway.domain.audit import AuditKind
from gateway.domain.ids import AgentId, PersonId, SessionId, TurnId
from gateway.domain.memory import MemoryEdit
from gateway.domain.messages import MessageKind
from gateway.domain.people import Mode, Route, person_id_of
from gateway.domain.tools import ToolCall, ToolResult
from gateway.domain.turns import TurnOutcome, TurnState
from gateway.ports import Failure, Store
from tests.contracts.store.test_approvals import approval, questions
from tests.contracts.store.words import (
    ROUTE,
    at,
    claim_turn,
    claim_turns,
    finish,
    identity,
    message,
    part,
    place,
    refusal,
    say,
    send_all,
    start_turn,
    wakeup,
)

ADA = person_id_of(identity("ada"))
BOB = person_id_of(identity("bob"))
COMMANDS = Route("commands")
PICTURE = Attachment("cat.png", "image/png", 12, "person-ada/cat.png")


async def _talk(store: Store, event: str, *, user: str = "ada", channel: str = "c1") -> None:
    """Let somebody say something and be answered."""
    await store.turns.accept(message(event, user=user, channel=channel), ROUTE, at(0))
    turn = await claim_turn(store)
    await finish(store, turn, part(turn, 0, f"answer to {event}"))
    await send_all(store)


async def _texts(store: Store, person: PersonId, limit: int = 100) -> list[str]:
    return [said.entry.text for said in await store.personal.said(person, limit)]


async def test_what_a_person_said_and_was_answered_is_found_newest_first(store: Store) -> None:
    await _talk(store, "e1")
    await _talk(store, "e2", channel="c2")
    await _talk(store, "e3", user="bob")

    said = await store.personal.said(ADA, 100)

    assert [(each.entry.author, each.entry.text) for each in said] == [
        ("assistant", "answer to e2"),
        ("user", "text of e2"),
        ("assistant", "answer to e1"),
        ("user", "text of e1"),
    ]
    assert [each.conversation for each in said][::2] == [place("c2"), place("c1")]
    assert said[1].entry.id == "e2"


async def test_only_the_newest_messages_are_looked_through(store: Store) -> None:
    for number in range(3):
        await _talk(store, f"e{number}")

    assert await _texts(store, ADA, 1) == ["answer to e2", "text of e2"]


async def test_older_messages_are_found_page_by_page(store: Store) -> None:
    for number in range(3):
        await _talk(store, f"e{number}")
    (answer, newest) = await store.personal.said(ADA, 1)

    older = await store.personal.said(ADA, 1, before=newest.entry.cursor)

    assert answer.entry.cursor > newest.entry.cursor
    assert [each.entry.text for each in older] == ["answer to e1", "text of e1"]
    (oldest,) = [each for each in await store.personal.said(ADA, 9) if each.entry.id == "e0"]
    assert await store.personal.said(ADA, 9, before=oldest.entry.cursor) == []


async def test_what_waits_is_found_and_what_was_no_talk_is_not(store: Store) -> None:
    await say(store, "e1")
    await store.turns.accept(wakeup("w1"), ROUTE, at(0))
    await store.turns.refuse(refusal("r1"), at(0))

    assert await _texts(store, ADA) == ["text of e1"]


async def test_an_agent_at_work_is_seen_and_a_command_is_none(store: Store) -> None:
    await store.turns.accept(message("e1"), COMMANDS, at(0))
    await claim_turn(store)
    assert not await store.personal.is_at_work(ADA)

    await start_turn(store, "e2")
    assert await store.personal.is_at_work(ADA)
    assert not await store.personal.is_at_work(BOB)


async def test_the_files_that_a_person_sent_are_listed(store: Store) -> None:
    with_picture = replace(message("e1"), attachments=(PICTURE,))
    await store.turns.accept(with_picture, ROUTE, at(0))

    assert await store.personal.files(ADA) == [PICTURE.artifact]
    assert await store.personal.files(BOB) == []


async def test_who_is_forgotten_has_said_nothing(store: Store) -> None:
    await _talk(store, "e1")
    await _talk(store, "e2", user="bob")

    assert await store.personal.forget(ADA, at(9)) == 1

    assert await _texts(store, ADA) == []
    assert await _texts(store, BOB) == ["answer to e2", "text of e2"]
    assert await store.people.find_person(identity("ada")) is None
    assert await store.people.find_person(identity("bob")) is not None
    history = await store.history.history(place().id, None, 10)
    assert [entry.text for entry in history] == ["text of e2", "answer to e2"]


async def test_forgetting_again_does_no_harm(store: Store) -> None:
    await _talk(store, "e1")
    await store.personal.forget(ADA, at(9))

    assert await store.personal.forget(ADA, at(9)) == 0


async def test_a_forgotten_message_is_no_news_when_it_comes_again(store: Store) -> None:
    await _talk(store, "e1")
    await store.personal.forget(ADA, at(9))

    assert not (await say(store, "e1")).is_new
    assert await claim_turns(store) == ()


async def test_who_was_forgotten_comes_back_as_a_stranger(store: Store) -> None:
    await _talk(store, "e1")
    await store.people.intend_agent(ADA, "postern", at(0))
    await store.people.bind_agent(ADA, "postern", AgentId("agent-1"))
    await store.people.bind_session(AgentId("agent-1"), place().id, SessionId("thread-1"))
    edit = MemoryEdit(AgentId("agent-1"), "human", "a", "b", ADA, at(0))
    await store.memory_edits.add(edit)

    await store.personal.forget(ADA, at(9))
    await say(store, "e2")

    assert await store.people.find_person(identity("ada")) is not None
    assert await store.people.binding(ADA, "postern") is None
    assert await store.people.session(AgentId("agent-1"), place().id) is None
    assert await store.memory_edits.newest(AgentId("agent-1"), "human") is None


async def test_what_waits_of_somebody_forgotten_is_not_answered(store: Store) -> None:
    await say(store, "e1")

    await store.personal.forget(ADA, at(1))

    assert await claim_turns(store, now=2) == ()
    await say(store, "e2", now=3)
    assert [each.event_id for each in (await claim_turn(store, now=3)).messages] == ["e2"]


async def test_the_command_that_asks_to_be_forgotten_can_be_repeated(store: Store) -> None:
    await store.turns.accept(message("c1", text="forget everything"), COMMANDS, at(0))
    turn = await claim_turn(store)

    await store.personal.forget(ADA, at(1))
    await store.turns.recover(at(100))

    again = await claim_turn(store, now=100)
    assert again.ref.id == turn.ref.id
    assert again.messages[0].text == "forget everything"


async def test_what_tools_returned_is_forgotten(store: Store) -> None:
    turn = await start_turn(store)
    call = ToolCall("call-1", "search", "{}")
    await store.turns.record_tool_result(turn.ref, call, ToolResult("call-1", "a secret"))
    await finish(store, turn, part(turn, 0))

    await store.personal.forget(ADA, at(1))

    # Retention finds nothing of the turn but itself: its message and result are gone already.
    assert await store.history.retain(at(0) + timedelta(days=1), 100) == 1


async def test_what_their_agent_asked_to_do_is_forgotten_and_no_one_elses(store: Store) -> None:
    mine = replace(approval("call-1"), person=ADA)
    theirs = replace(approval("call-2"), person=BOB, conversation=place("c2"))
    for asked in (mine, theirs):
        await store.approvals.ask(asked, questions(asked), at(0))
    await send_all(store)

    await store.personal.forget(ADA, at(1))

    assert await store.approvals.get(mine.id) is None
    assert await store.approvals.get(theirs.id) == theirs
    assert await store.history.history(place().id, None, 10) == []
    assert len(await store.history.history(place("c2").id, None, 10)) == 1


async def test_a_forgotten_person_leaves_a_line_in_the_log_and_no_text(store: Store) -> None:
    await _talk(store, "e1")
    await store.personal.forget(ADA, at(9))

    last = (await store.history.audit(0, 1_000))[-1]
    assert (last.kind, last.subject, last.data) == (
        AuditKind.PERSON_FORGOTTEN,
        ADA,
        {"messages": 1},
    )


@pytest.mark.parametrize("channel", ["c1", "c2"])
async def test_others_in_the_same_lane_go_on(store: Store, channel: str) -> None:
    shared = Route("helpdesk", mode=Mode.SHARED)
    await store.turns.accept(message("e1"), shared, at(0))
    await store.turns.accept(message("e2", user="bob", channel=channel), shared, at(0))

    await store.personal.forget(ADA, at(1))

    (turn,) = await claim_turns(store, now=2)
    assert [each.event_id for each in turn.messages] == ["e2"]


async def _fail(store: Store, event: str, *, user: str = "ada", now: float = 0) -> TurnId:
    """Let a turn be given up."""
    await store.turns.accept(message(event, user=user), ROUTE, at(now))
    turn = await claim_turn(store, now)
    await store.turns.finish(turn.ref, TurnOutcome(TurnState.FAILED, (), "broken"), at(now))
    return turn.ref.id


async def test_the_last_failure_is_the_persons_own_newest(store: Store) -> None:
    assert await store.personal.last_failure(ADA, 100) is None
    await _fail(store, "e1")
    last = await _fail(store, "e2", now=5)
    await _talk(store, "e3")

    assert await store.personal.last_failure(ADA, 100) == Failure(last, at(5))
    assert await store.personal.last_failure(ADA, 1) is None
    assert await store.personal.last_failure(BOB, 100) is None


# -- the last question


async def _last(
    store: Store, channel: str = "c1", *, limit: int = 10, private: bool = True
) -> tuple[str, str | None, bool] | None:
    found = await store.personal.last_question(ADA, place(channel), limit, with_private=private)
    return None if found is None else (found.message.event_id, found.message.role, found.is_open)


async def test_the_last_question_is_found_with_its_agent_and_whether_it_is_answered(
    store: Store,
) -> None:
    assert await _last(store) is None
    await store.turns.accept(message("e1"), ROUTE, at(0))

    waiting = await _last(store)
    turn = await claim_turn(store)
    running = await _last(store)
    await finish(store, turn, part(turn, 0, "answer"))

    assert waiting == running == ("e1", "postern", True)
    assert await _last(store) == ("e1", "postern", False)
    found = await store.personal.last_question(ADA, place(), 10, with_private=True)
    assert found is not None
    assert replace(found.message, role=None) == message("e1")


async def test_only_ones_own_words_in_the_conversation_count(store: Store) -> None:
    await _talk(store, "e1")
    await _talk(store, "e2", channel="c2")
    await _talk(store, "e3", user="bob")
    await store.turns.accept(wakeup("w1"), ROUTE, at(0))
    command = replace(message("e4"), kind=MessageKind.COMMAND)
    await store.turns.accept(command, COMMANDS, at(0))
    await store.turns.refuse(refusal("e5"), at(0))

    assert await _last(store) == ("e1", "postern", False)
    assert await _last(store, "c2") == ("e2", "postern", False)
    assert await _last(store, limit=1) is None


async def test_a_private_question_counts_only_where_it_may(store: Store) -> None:
    await _talk(store, "e1")
    private = replace(message("e2"), is_private=True)
    await store.turns.accept(private, Route("helpdesk", Mode.SHARED), at(0))

    assert await _last(store) == ("e2", "helpdesk", True)
    assert await _last(store, private=False) == ("e1", "postern", False)


async def test_a_question_that_is_not_kept_any_more_is_none(store: Store) -> None:
    await _talk(store, "e1")

    while await store.history.retain(at(60), 100):
        pass

    assert await _last(store) is None
