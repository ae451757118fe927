"""All that is kept of one person can be read: what would be forgotten, and nobody else's."""

from __future__ import annotations

from dataclasses import replace

from gateway.domain.audit import AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import AgentId, DeliveryId, PersonId
from gateway.domain.memory import MemoryEdit
from gateway.domain.people import Mode, Route, person_id_of
from gateway.domain.tools import ToolCall, ToolResult
from gateway.ports import Kept, Store
from tests.contracts.store.test_approvals import approval, questions
from tests.contracts.store.test_errands import answered, asked, errand
from tests.contracts.store.words import (
    ROUTE,
    at,
    claim_turn,
    done,
    identity,
    message,
    part,
    place,
    refusal,
    say,
    wakeup,
)

ADA, BOB = person_id_of(identity("ada")), person_id_of(identity("bob"))
HOME = Conversation("web", "local", "ada")
COMMANDS = Route("commands")
SHARED = Route("helpdesk", Mode.SHARED)


async def _answered(store: Store, event: str, *, user: str = "ada", route: Route = ROUTE) -> None:
    await store.turns.accept(message(event, user=user), route, at(0))
    turn = await claim_turn(store)
    result = ToolResult("call-1", f"result for {event}")
    await store.turns.record_tool_result(turn.ref, ToolCall("call-1", "look", "{}"), result)
    notice = NewDelivery(DeliveryId(f"{turn.ref.id}.late"), place(), f"notice about {event}")
    await store.deliveries.enqueue([notice], at(0))
    await store.turns.finish(turn.ref, done(part(turn, 0, f"answer to {event}")), at(0))


async def _everything(store: Store, person: PersonId, limit: int) -> list[tuple[str, str]]:
    """Return author and text of all parts, as often as they come; the oldest part last."""
    found: list[tuple[str, str]] = []
    before: int | None = None
    while True:
        part_of = await store.personal.record(person, limit, before)
        found += [(each.entry.author, each.entry.text) for each in part_of.said]
        before = part_of.before
        if before is None:
            return found


def _about(event: str) -> set[tuple[str, str]]:
    return {
        ("user", f"text of {event}"),
        ("assistant", f"answer to {event}"),
        ("assistant", f"notice about {event}"),
        ("tool", f"result for {event}"),
    }


async def test_a_record_has_every_word_of_a_person_and_nobody_elses(store: Store) -> None:
    await _answered(store, "e1")
    await _answered(store, "c1", route=COMMANDS)
    await _answered(store, "e2", user="bob")
    await store.turns.accept(wakeup("w1"), ROUTE, at(0))
    await store.turns.refuse(refusal("r1", user="carol"), at(0))

    found = await _everything(store, ADA, 100)

    assert set(found) == {*_about("e1"), *_about("c1"), ("user", "time to look")}
    assert len(found) == 9
    assert set(await _everything(store, BOB, 100)) == _about("e2")


async def test_a_record_in_parts_is_the_same_record(store: Store) -> None:
    for number in range(5):
        await _answered(store, f"e{number}")
    posts = [NewDelivery(DeliveryId(f"p{number}"), HOME, f"post {number}") for number in range(2)]
    await store.deliveries.enqueue([posts[0]], at(0))
    await store.turns.accept(replace(message("e5"), conversation=HOME), Route("other"), at(0))
    await store.deliveries.enqueue([posts[1]], at(0))

    whole = await _everything(store, ADA, 100)

    for limit in (1, 2, 3, 6):
        assert set(await _everything(store, ADA, limit)) == set(whole)
    assert {("assistant", "post 0"), ("assistant", "post 1")} < set(whole)
    newest = (await store.personal.record(ADA, 2)).said
    assert [each.entry.cursor for each in newest] == sorted(
        (each.entry.cursor for each in newest), reverse=True
    )


async def test_what_is_posted_where_others_are_too_is_not_in_the_record(store: Store) -> None:
    await store.turns.accept(replace(message("e1"), conversation=HOME), ROUTE, at(0))
    await store.turns.accept(
        replace(message("e2", user="bob"), conversation=HOME), Route("helpdesk"), at(0)
    )
    await store.deliveries.enqueue([NewDelivery(DeliveryId("p1"), HOME, "for both")], at(0))

    assert await _everything(store, ADA, 100) == [("user", "text of e1")]


async def test_what_tools_returned_for_several_people_is_given_to_none(store: Store) -> None:
    for user in ("ada", "bob"):
        await store.turns.accept(message(f"e-{user}", user=user), SHARED, at(0))
    turn = await claim_turn(store)
    result = ToolResult("call-1", "bob's order")
    await store.turns.record_tool_result(turn.ref, ToolCall("call-1", "look", "{}"), result)
    await store.turns.finish(turn.ref, done(part(turn, 0, "for both to read")), at(0))

    assert len(turn.messages) == 2
    for person, user in ((ADA, "ada"), (BOB, "bob")):
        assert set(await _everything(store, person, 100)) == {
            ("user", f"text of e-{user}"),
            ("assistant", "for both to read"),
        }


async def test_what_else_is_kept_of_a_person_is_listed(store: Store) -> None:
    own, common = AgentId("agent-ada"), AgentId("agent-common")
    await store.people.intend_agent(ADA, "postern", at(0))
    await store.people.bind_agent(ADA, "postern", own)
    for agent, person in ((own, ADA), (common, ADA), (common, BOB)):
        when = at(1 if person == BOB else 0)
        await store.memory_edits.add(MemoryEdit(agent, "human", "old", "new", person, when))
    await store.notes.put(ADA, "zone", "Europe/Vienna")
    await store.notes.put(BOB, "zone", "Asia/Tokyo")
    for person, call in ((ADA, "call-1"), (BOB, "call-2")):
        asks = replace(approval(call), person=person)
        await store.approvals.ask(asks, questions(asks), at(0))
    one = replace(errand(), question="What is new?", person=ADA)
    await store.errands.change([asked(one)], at(0))
    await store.errands.change([answered(one, "Nothing.")], at(0))
    call = approval("call-1").call

    assert await store.personal.kept(ADA) == [
        Kept("edit", "human", ("old", "new")),
        Kept("edit", "human", ("old", "new")),
        Kept("errand", one.role, ("What is new?", "Nothing.")),
        Kept("note", "zone", ("Europe/Vienna",)),
        Kept("question", call.name, (call.arguments,)),
    ]


async def test_an_export_is_a_line_in_the_log(store: Store) -> None:
    await say(store, "e1")

    await store.personal.exported(ADA, "export-1", at(1))

    last = (await store.history.audit(0, 1_000))[-1]
    assert (last.kind, last.subject, last.ref) == (AuditKind.PERSON_EXPORTED, ADA, "export-1")
    assert last.data == {}


async def test_nothing_is_kept_of_who_was_forgotten(store: Store) -> None:
    await _answered(store, "e1")
    await store.notes.put(ADA, "zone", "Europe/Vienna")

    await store.personal.forget(ADA, at(2))

    assert await _everything(store, ADA, 100) == []
    assert await store.personal.kept(ADA) == []
