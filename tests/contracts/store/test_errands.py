"""What agents ask each other: stored once, ended once, and never lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gateway.domain.errands import Errand, ErrandChange, ErrandState
from gateway.domain.ids import PersonId, TurnId
from gateway.domain.messages import MessageKind
from gateway.domain.people import Route, Sender, person_id_of
from gateway.domain.turns import TurnOutcome, TurnState
from gateway.ports import Store
from tests.contracts.store.words import LEASE, NOW, WORKER, at, identity, message, place

ADA = person_id_of(identity("ada"))
WRITER = Route("writer")
SOON = at(60)


def errand(name: str = "e1", *, parent: str | None = None, expires: datetime = SOON) -> Errand:
    return Errand(
        id=name,
        chain=("postern", "writer"),
        root="r1",
        person=ADA,
        conversation=place(),
        sender=Sender(identity("ada"), "Ada"),
        question="who \N{SNOWMAN}?",
        asked_at=NOW,
        expires_at=expires,
        parent=parent,
        asker="postern",
    )


def asked(one: Errand) -> ErrandChange:
    news = replace(message(f"ask-{one.id}"), kind=MessageKind.QUESTION, target=one.id)
    return ErrandChange(one, news, WRITER)


def answered(one: Errand, text: str) -> ErrandChange:
    ended = replace(one, state=ErrandState.ANSWERED, answer=text, ended_by=TurnId("t1"))
    news = replace(message(f"answer-{one.id}"), kind=MessageKind.ANSWER, target=one.id)
    return ErrandChange(ended, news, Route("postern"))


async def lanes(store: Store) -> list[tuple[str, list[str]]]:
    claim = await store.turns.claim(WORKER, 10, LEASE, at(1))
    return sorted((turn.role, [each.event_id for each in turn.messages]) for turn in claim.turns)


async def test_an_errand_is_stored_with_the_message_that_brings_it(store: Store) -> None:
    assert await store.errands.change([asked(errand())], NOW) == 1

    assert await store.errands.get("e1") == errand()
    assert await store.errands.get("e2") is None
    assert await lanes(store) == [("writer", ["ask-e1"])]


async def test_the_same_errand_again_changes_nothing(store: Store) -> None:
    await store.errands.change([asked(errand())], NOW)

    assert await store.errands.change([asked(errand())], NOW) == 0
    assert await lanes(store) == [("writer", ["ask-e1"])]


async def test_an_errand_ends_once(store: Store) -> None:
    await store.errands.change([asked(errand())], NOW)

    assert await store.errands.change([answered(errand(), "forty-two")], NOW) == 1
    late = replace(errand(), state=ErrandState.EXPIRED)
    assert await store.errands.change([ErrandChange(late)], NOW) == 0
    assert await store.errands.change([asked(errand())], NOW) == 0
    known = await store.errands.get("e1")
    assert known == answered(errand(), "forty-two").errand
    assert await lanes(store) == [("postern", ["answer-e1"]), ("writer", ["ask-e1"])]


async def test_the_news_of_what_did_not_change_are_not_accepted(store: Store) -> None:
    await store.errands.change([ErrandChange(replace(errand(), state=ErrandState.CANCELLED))], NOW)

    assert await store.errands.change([answered(errand(), "too late")], NOW) == 0
    assert await lanes(store) == []


async def test_an_ended_errand_can_still_be_heard(store: Store) -> None:
    ended = answered(errand(), "yes").errand
    await store.errands.change([asked(errand()), ErrandChange(ended)], NOW)

    heard = replace(ended, is_heard=True)
    assert await store.errands.change([ErrandChange(heard)], NOW) == 1
    assert await store.errands.get("e1") == heard


async def test_what_was_asked_on_behalf_of_one_is_listed_in_order(store: Store) -> None:
    changes = [asked(errand(name, parent="p")) for name in ("z", "a", "m")]
    await store.errands.change([*changes, asked(errand("other"))], NOW)

    assert [each.id for each in await store.errands.asked_for("p")] == ["z", "a", "m"]
    assert await store.errands.asked_for("q") == []


async def test_errands_are_counted_by_root_and_by_role(store: Store) -> None:
    await store.errands.change([asked(errand("e1")), asked(errand("e2"))], NOW)

    assert await store.errands.count("r1") == 2
    assert await store.errands.count("r2") == 0
    assert await store.errands.count_of(ADA, "writer") == 2
    assert await store.errands.count_of(PersonId("person-x"), "writer") == 0


async def test_what_is_open_is_found_by_person_and_by_time(store: Store) -> None:
    early, late = errand("early", expires=at(5)), errand("late", expires=at(50))
    await store.errands.change([asked(late), asked(early), asked(errand("done"))], NOW)
    await store.errands.change([answered(errand("done"), "yes")], NOW)

    assert [each.id for each in await store.errands.open_of(ADA)] == ["late", "early"]
    assert await store.errands.due(at(4), 9) == []
    assert [each.id for each in await store.errands.due(at(50), 9)] == ["early", "late"]
    assert [each.id for each in await store.errands.due(at(50), 1)] == ["early"]


async def test_questions_and_answers_are_turns_of_their_own(store: Store) -> None:
    await store.turns.accept(message("m1"), WRITER, NOW)
    await store.errands.change([asked(errand("e1")), asked(errand("e2"))], NOW)
    await store.turns.accept(message("m2"), WRITER, NOW)

    (turn,) = (await store.turns.claim(WORKER, 1, LEASE, at(1))).turns

    assert [each.event_id for each in turn.messages] == ["m1"]


async def test_errands_are_forgotten_with_their_person(store: Store) -> None:
    await store.errands.change([asked(errand())], NOW)
    (turn,) = (await store.turns.claim(WORKER, 1, LEASE, at(1))).turns
    assert await store.personal.forget(ADA, at(2)) is None
    await store.turns.finish(turn.ref, TurnOutcome(TurnState.DONE, ()), at(2))

    await store.personal.forget(ADA, at(2))

    assert await store.errands.get("e1") is None


async def test_retention_drops_ended_errands_and_keeps_open_ones(store: Store) -> None:
    ended = replace(errand("e1"), state=ErrandState.ANSWERED, answer="a snowman")
    await store.errands.change([ErrandChange(errand("e1")), ErrandChange(errand("e2"))], NOW)
    await store.errands.change([ErrandChange(ended)], at(1))

    assert await store.history.retain(at(60), 10) == 0
    assert await store.history.retain(at(61), 10) == 1

    assert await store.errands.get("e1") is None
    assert await store.errands.get("e2") is not None
