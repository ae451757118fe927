import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.bootstrap import opened_store
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import NewDelivery, SendFailed
from gateway.domain.ids import DeliveryId, WorkerId
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Identity, Route, Sender
from gateway.domain.turns import TurnOutcome, TurnState
from gateway.settings import load_settings
from tests.unit.gateway.cli.terminal import Terminal

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
LEASE = timedelta(seconds=30)
PLACE = Conversation("discord", "dm", "99")
ADA = Sender(Identity("discord", "discord", "42"), "Ada")
HERE = WorkerId("here")


def give_up(*, role: str = "postern") -> None:
    """Let a turn and a message fail."""
    Path(".postern").mkdir(mode=0o700, exist_ok=True)
    asyncio.run(_give_up(role))


async def _give_up(role: str) -> None:
    async with opened_store(load_settings({})) as store:
        message = InboundMessage("7", PLACE, ADA, "What is two and two?", NOW)
        await store.turns.accept(message, Route(role), NOW)
        (turn,) = (await store.turns.claim(HERE, 1, LEASE, NOW)).turns
        failed = TurnOutcome(TurnState.FAILED, (), "RunFailed: no money left")
        await store.turns.finish(turn.ref, failed, NOW)
        await store.deliveries.enqueue([NewDelivery(DeliveryId("post"), PLACE, "Hi!")], NOW)
        (post,) = (await store.deliveries.claim(HERE, ["discord"], 1, LEASE, NOW)).deliveries
        await store.deliveries.settle(post, SendFailed("DeliveryRefused: thrown out"), NOW)


def _ids(postern: Terminal) -> list[str]:
    return [letter["id"] for letter in postern.types("dead-letters", "list", "--json").json]


def test_with_nothing_given_up_the_list_says_so(postern: Terminal) -> None:
    assert postern.types("dead-letters", "list").out == "Nothing was given up.\n"


def test_what_was_given_up_is_listed_with_its_reason(postern: Terminal) -> None:
    give_up()

    seen = postern.types("dead-letters", "list")
    turn, post = postern.types("dead-letters", "list", "--json").json

    assert "discord:dm:99" in seen.out
    assert "RunFailed: no money left" in seen.out
    assert (turn["kind"], turn["text"]) == ("turn", "What is two and two?")
    assert (post["kind"], post["reason"]) == ("delivery", "DeliveryRefused: thrown out")


def test_one_is_shown_with_its_text(postern: Terminal) -> None:
    give_up()

    seen = postern.types("dead-letters", "show", "post")

    assert "post in discord:dm:99, given up 2026-01-05 09:00:00 UTC" in seen.out
    assert seen.out.endswith("Hi!\n")


def test_replayed_letters_leave_the_list(postern: Terminal) -> None:
    give_up()
    turn = _ids(postern)[0]

    seen = postern.types("dead-letters", "replay", turn)

    assert (seen.code, seen.out) == (0, f"{turn} is on its way again.\n")
    assert _ids(postern) == ["post"]


def test_all_can_be_dropped_at_once(postern: Terminal) -> None:
    give_up()

    assert postern.types("dead-letters", "drop", "--all").code == 0

    assert _ids(postern) == []


def test_a_letter_that_is_not_there_is_a_failure(postern: Terminal) -> None:
    seen = postern.types("dead-letters", "show", "turn-99")

    assert seen.code == 1
    assert 'There is no dead letter "turn-99"' in seen.err


def test_one_letter_or_all_must_be_asked_for(postern: Terminal) -> None:
    for words in (("replay",), ("drop", "post", "--all")):
        assert postern.types("dead-letters", *words).code == 2


def test_the_others_are_replayed_when_one_can_not_be(postern: Terminal) -> None:
    give_up(role="a-former-agent")
    turn = _ids(postern)[0]

    seen = postern.types("dead-letters", "replay", "--all")

    assert (seen.code, seen.out) == (1, "post is on its way again.\n")
    assert 'was for the agent "a-former-agent"' in seen.err
    assert _ids(postern) == [turn]
