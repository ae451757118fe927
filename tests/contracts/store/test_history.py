"""Reading what was: pages, answers, counts, the audit log, and forgetting."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from gateway.domain.artifacts import Attachment
from gateway.domain.audit import AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Button, SendFailed
from gateway.domain.ids import ConversationId
from gateway.domain.messages import HistoryEntry, Refusal
from gateway.domain.turns import TurnOutcome, TurnState
from gateway.ports import Store, StoreCounts
from tests.contracts.store.words import (
    LEASE,
    NOW,
    ROUTE,
    WORKER,
    at,
    claim_post,
    claim_turn,
    finish,
    message,
    part,
    place,
    post,
    refusal,
    say,
    send_all,
    sent_as,
    settle,
    start_turn,
    wakeup,
)

HERE = ConversationId("fake:local:c1")


async def _page(store: Store, before: int | None = None, limit: int = 100) -> list[HistoryEntry]:
    return await store.history.history(HERE, before, limit)


async def _texts(store: Store) -> list[tuple[str, str]]:
    return [(entry.author, entry.text) for entry in await _page(store)]


async def _talk(store: Store, rounds: int) -> None:
    for n in range(rounds):
        turn = await start_turn(store, f"e{n}")
        await finish(store, turn, part(turn, 0, f"answer {n}"), now=n)


async def test_a_conversation_is_read_as_it_went(store: Store) -> None:
    await _talk(store, 2)

    entries = await _page(store)

    assert [(entry.author, entry.text) for entry in entries] == [
        ("user", "text of e0"),
        ("assistant", "answer 0"),
        ("user", "text of e1"),
        ("assistant", "answer 1"),
    ]
    assert entries[0].id == "e0"
    assert (entries[0].at, entries[3].at) == (NOW, at(1))
    assert entries[1].id.startswith("turn-")


async def test_what_only_one_person_saw_is_in_nobodys_history(store: Store) -> None:
    whisper = replace(message("e1"), text="my secret", is_private=True)
    await store.turns.accept(whisper, ROUTE, NOW)
    turn = await claim_turn(store)
    await finish(store, turn, replace(part(turn, 0, "your secret"), is_private=True))
    await say(store, "e2")

    assert await _texts(store) == [("user", "text of e2")]


async def test_pages_join_without_gap_or_repeat(store: Store) -> None:
    await _talk(store, 5)
    whole = await _page(store)

    newest = await _page(store, limit=3)
    middle = await _page(store, before=newest[0].cursor, limit=3)
    oldest = await _page(store, before=middle[0].cursor, limit=100)

    assert [*oldest, *middle, *newest] == whole
    assert len(whole) == 10


async def test_another_conversation_is_another_history(store: Store) -> None:
    await store.turns.accept(message("e1", channel="c2"), ROUTE, at(0))
    await store.deliveries.enqueue([post("p1", channel="c2")], at(0))

    assert await _page(store) == []


async def test_an_answer_is_there_before_it_is_sent_and_a_draft_is_not(store: Store) -> None:
    turn = await start_turn(store)
    await store.turns.open_draft(turn.ref, part(turn, 0, "…", is_draft=True), at(0))
    before = await _texts(store)

    await finish(store, turn, part(turn, 0, "final"))

    assert before == [("user", "text of e1")]
    assert await _texts(store) == [("user", "text of e1"), ("assistant", "final")]


async def test_what_was_never_shown_is_not_history(store: Store) -> None:
    await store.turns.refuse(refusal("e1"), at(0))
    await store.turns.accept(wakeup("e2"), ROUTE, at(0))
    await store.deliveries.enqueue([post("bad", text="too long")], at(0))
    await settle(store, await claim_post(store), sent_as("p1"))

    await settle(store, await claim_post(store), SendFailed("too long"))

    assert await _texts(store) == [("assistant", "text of reply-e1")]


async def test_a_door_reads_its_own_answer_when_the_turn_is_over(store: Store) -> None:
    turn = await start_turn(store, "e1")
    await store.turns.open_draft(turn.ref, part(turn, 0, "…", is_draft=True), at(0))
    waiting = await store.history.answer(message("e1"))

    await finish(store, turn, part(turn, 0, "one"), part(turn, 1, "two"), post("sorry"))

    answer = await store.history.answer(message("e1"))
    assert waiting is None
    assert answer is not None
    assert [entry.text for entry in answer] == ["one", "two", "text of sorry"]


async def test_a_late_notice_is_not_the_answer(store: Store) -> None:
    turn = await start_turn(store, "e1")
    await store.turns.postpone(turn.ref, at(1), "no answer", post("late"), at(0))
    late = await store.history.answer(message("e1"))
    again = await claim_turn(store, now=1)

    await finish(store, again, part(again, 0, "one"))

    answer = await store.history.answer(message("e1"))
    assert late is None
    assert answer is not None
    assert [entry.text for entry in answer] == ["one"]


async def test_an_answer_without_words_is_empty_and_an_unknown_one_is_none(store: Store) -> None:
    await finish(store, await start_turn(store, "e1"))

    assert await store.history.answer(message("e1")) == []
    assert await store.history.answer(message("e2")) is None


async def test_the_answer_to_a_refused_message_is_its_reply(store: Store) -> None:
    await store.turns.refuse(refusal("e1", code="hash-1", limit=1), at(0))
    await store.turns.refuse(refusal("e2", code="hash-2", limit=1), at(0))

    answer = await store.history.answer(message("e1"))
    assert answer is not None
    assert [entry.text for entry in answer] == ["text of reply-e1"]
    assert await store.history.answer(message("e2")) == []


async def test_counts_say_what_waits(store: Store) -> None:
    failed = await start_turn(store, "e1")
    outcome = TurnOutcome(TurnState.FAILED, (part(failed, 0),), "broken")
    await store.turns.finish(failed.ref, outcome, at(0))
    await settle(store, await claim_post(store), SendFailed("no"))
    await start_turn(store, "e2")
    await store.turns.accept(message("b1", user="bob"), ROUTE, at(0))
    await store.deliveries.enqueue([post("p1"), post("p2")], at(0))

    assert await store.history.counts() == StoreCounts(
        lanes_ready=1,
        turns_running=1,
        deliveries_open=2,
        turns_failed=1,
        deliveries_failed=1,
        messages_waiting=1,
    )


async def test_the_audit_log_tells_a_whole_turn_in_order(store: Store) -> None:
    turn = await start_turn(store, "e1")
    await finish(store, turn, part(turn, 0))
    await send_all(store)

    entries = await store.history.audit(0, 100)

    assert [entry.kind for entry in entries] == [
        AuditKind.PERSON_MET,
        AuditKind.MESSAGE_ACCEPTED,
        AuditKind.TURN_CLAIMED,
        AuditKind.DELIVERY_STORED,
        AuditKind.TURN_ENDED,
        AuditKind.DELIVERY_CLAIMED,
        AuditKind.DELIVERY_SETTLED,
    ]
    assert entries[1].ref == message("e1").idempotency_key
    assert {entry.at for entry in entries} == {at(0)}


async def test_the_audit_log_is_read_in_pages(store: Store) -> None:
    await _talk(store, 3)
    whole = await store.history.audit(0, 1000)

    first = await store.history.audit(0, 4)
    rest = await store.history.audit(first[-1].sequence, 1000)

    assert [*first, *rest] == whole


async def test_the_audit_log_holds_no_texts(store: Store) -> None:
    await _talk(store, 1)
    await send_all(store)

    told = [json.dumps(dict(entry.data)) for entry in await store.history.audit(0, 1000)]

    assert not any("text of" in line or "answer" in line for line in told)


async def test_contents_are_dropped_after_their_time_and_repeats_stay_known(store: Store) -> None:
    await _talk(store, 2)
    await send_all(store, now=10)

    dropped = await store.history.retain(at(11), 100)

    assert dropped > 0
    assert await _page(store) == []
    assert await store.history.retain(at(11), 100) == 0
    assert not (await say(store, "e0", now=12)).is_new
    assert await store.deliveries.enqueue([post("turn-1.0")], at(12)) == 0


async def test_contents_are_dropped_in_commits_of_a_bounded_size(store: Store) -> None:
    await _talk(store, 4)
    await send_all(store, now=10)

    sizes = [await store.history.retain(at(11), 3) for _ in range(6)]

    assert sizes == [3, 3, 3, 3, 0, 0]
    assert await _page(store) == []


async def test_what_ended_later_or_not_at_all_is_kept(store: Store) -> None:
    turn = await start_turn(store, "e1")
    await finish(store, turn, part(turn, 0, "unsent"), now=100)
    waiting = await _start_late(store)

    dropped = await store.history.retain(at(100), 100)

    assert dropped == 0
    assert [text for _, text in await _texts(store)] == ["text of e1", "unsent", "text of e2"]
    await store.turns.recover(at(200), predecessor=WORKER)
    (again,) = (await store.turns.claim(WORKER, 1, LEASE, at(200))).turns
    assert again.messages == waiting


async def _start_late(store: Store) -> tuple[object, ...]:
    await say(store, "e2", now=50)
    claim = await store.turns.claim(WORKER, 1, timedelta(seconds=30), at(150))
    return claim.turns[0].messages


async def test_the_newest_message_of_every_conversation_is_found(store: Store) -> None:
    for event, channel in [("100", "a"), ("101", "b"), ("102", "a"), ("102:edit:1", "a")]:
        await store.turns.accept(message(event, channel=channel), ROUTE, NOW)
    elsewhere = replace(message("999"), conversation=place("a", platform="fakery"))
    await store.turns.accept(elsewhere, ROUTE, NOW)
    await store.turns.accept(message("no-number", channel="c"), ROUTE, NOW)

    newest = await store.history.newest_events("fake")

    assert sorted(newest, key=lambda item: item[0].id) == [(place("a"), "102"), (place("b"), "101")]


async def test_the_newest_message_is_found_by_its_channel_and_moment_too(store: Store) -> None:
    ids = ("D1:171.000200", "D1:171.000300", "command:13.73.80889308", "D1:171.", "D1:x.5", "D1:9")
    for event in (*ids, "D1:171.000300:edit:172.1", "D1:171.000300:view:V1.2"):
        await store.turns.accept(message(event, channel="D1"), ROUTE, NOW)
    await store.turns.accept(message("command:13.73.8", channel="D2"), ROUTE, NOW)

    newest = await store.history.newest_events("fake")

    assert newest == [(place("D1"), "D1:171.000300")]


async def test_refused_messages_are_found_but_not_in_threads_of_channels(store: Store) -> None:
    places = [
        Conversation("fake", "local", "c1"),
        Conversation("fake", "local", "c1", "t1"),
        Conversation("fake", "local", "c1", "t2"),
        Conversation("slack", "T1", "D1", "171.5"),
    ]
    said = [replace(message(f"10{n}"), conversation=place) for n, place in enumerate(places)]
    for each in said:
        await store.turns.refuse(Refusal(each, "not_allowed"), NOW)
    await store.turns.accept(replace(said[2], event_id="200"), ROUTE, NOW)
    await store.turns.refuse(Refusal(replace(said[2], event_id="201"), "paused"), NOW)

    found = [await store.history.newest_events(platform) for platform in ("fake", "slack")]

    assert sorted(found[0], key=lambda pair: pair[1]) == [(places[0], "100"), (places[2], "200")]
    assert found[1] == [(places[3], "103")]


async def test_the_newest_messages_are_found_page_by_page(store: Store) -> None:
    for number in range(5):
        await store.turns.accept(message(f"10{number}", channel=f"c{number}"), ROUTE, NOW)
        await store.turns.accept(message(f"no-number-{number}", channel=f"b{number}"), ROUTE, NOW)
    found: list[str] = []
    after = None

    while page := await store.history.newest_events("fake", after, 2):
        found += [event for _, event in page]
        after = page[-1][0].id

    assert found == ["100", "101", "102", "103", "104"]


async def test_history_shows_buttons_and_files(store: Store) -> None:
    button, file = Button("Yes", "yes"), Attachment("a.txt", "text/plain", 3, "k")
    await store.deliveries.enqueue([replace(post("p1"), buttons=(button,), files=(file,))], at(0))

    (entry,) = await store.history.history(place().id, None, 10)

    assert (entry.buttons, entry.files) == ((button,), (file,))


async def test_what_was_said_since_is_found_by_conversation(store: Store) -> None:
    await store.turns.accept(message("e1"), ROUTE, at(0))
    begin = (await _page(store))[-1].cursor
    for event, channel in (("e2", "c1"), ("e3", "c2"), ("e4", "c1"), ("e5", "c3")):
        await store.turns.accept(message(event, channel=channel), ROUTE, at(1))
    await store.turns.refuse(refusal("e6"), at(2))
    cursors = {HERE: begin, place("c3").id: begin, place("c4").id: 0}

    heard = await store.history.heard_since(cursors, 100)
    first = await store.history.heard_since(cursors, 2)

    assert [(where, entry.id) for where, entry in heard] == [
        (HERE, "e2"),
        (HERE, "e4"),
        (place("c3").id, "e5"),
    ]
    assert [entry for where, entry in heard if where == HERE] == (await _page(store))[1:3]
    assert first == heard[:2]
    assert await store.history.heard_since({HERE: heard[1][1].cursor}, 100) == []
    assert await store.history.heard_since({}, 100) == []


async def test_what_was_posted_since_is_found_by_conversation(store: Store) -> None:
    turn = await start_turn(store)
    await store.turns.open_draft(turn.ref, part(turn, 0, "…", is_draft=True), at(0))
    begin = await store.history.newest_entry()
    await store.deliveries.enqueue([post("other", channel="c2"), post("mine")], at(1))
    await send_all(store, now=1)
    await finish(store, turn, part(turn, 0, "final"), now=2)

    entries = await store.history.posted_since([HERE, place("c3").id], begin, 100)

    assert [(entry.kind, entry.ref) for entry in entries] == [
        (AuditKind.DELIVERY_STORED, "mine"),
        (AuditKind.DELIVERY_REVISED, f"{turn.ref.id}.0"),
    ]
    assert await store.history.posted_since([HERE], begin, 1) == entries[:1]
    assert await store.history.posted_since([HERE], entries[0].sequence, 9) == entries[1:]
    assert await store.history.posted_since([], 0, 100) == []


async def test_a_message_belongs_to_the_turn_that_began_to_answer_it(store: Store) -> None:
    await store.turns.accept(message("e1"), ROUTE, at(0))
    before = await store.history.turn_of(message("e1"))
    turn = await claim_turn(store)
    await store.turns.accept(message("e2"), ROUTE, at(1))

    found = [await store.history.turn_of(message(event)) for event in ("e1", "e2", "e3")]
    await store.turns.finish(turn.ref, TurnOutcome(TurnState.DONE, ()), at(2))

    assert before is None
    assert found == [turn.ref.id, None, None]
    assert await store.history.turn_of(message("e1")) == turn.ref.id
