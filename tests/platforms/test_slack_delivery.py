"""Answers become visible whole and once, whatever befalls the calls to Slack on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from datetime import UTC, datetime, timedelta

import pytest

from agents.scripted import Say, Step, Until, Wait
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import DeliveryState, NewDelivery
from gateway.domain.ids import DeliveryId
from gateway.domain.turns import RunRequest
from gateway.ports import Streaming
from tests.platforms.slack_hub import SlackHub, Ways, slack_hub
from tests.platforms.slack_server import Faults, Person, SlackSettings

Order = Callable[[Faults, str], None]
"""What is ordered to befall the next call of a method."""

AT_ONCE = Streaming(0.05, shows_private=False)
"""An answer is shown from its first word on, however quick it is."""
LONG_LAG = 600.0
"""Seconds: a lost reply is looked for once before that also by a machine that is slow."""
GROWING = "one two three four five six seven eight nine ten"

FAULTS: dict[str, Order] = {
    "a lost reply": lambda faults, method: faults.lose_reply(method),
    "lost replies": lambda faults, method: faults.lose_reply(method, times=2),
    "a cut connection": lambda faults, method: faults.cut_before(method),
    "HTTP 500": lambda faults, method: faults.answer_status(method, 500),
    "HTTP 503 twice": lambda faults, method: faults.answer_status(method, 503, times=2),
    "a rate limit": lambda faults, method: faults.ratelimit(method, retry_after_seconds=1),
    "an internal error": lambda faults, method: faults.refuse(method, "internal_error"),
    "a fatal error": lambda faults, method: faults.refuse(method, "fatal_error"),
    "no service": lambda faults, method: faults.refuse(method, "service_unavailable"),
}


STREAM_FAULTS = ("a lost reply", "a cut connection", "HTTP 500", "a rate limit")


def slowly(request: RunRequest) -> Iterable[Step]:
    """Say something that takes its time."""
    return (Say(GROWING, pause_seconds=0.08),)


@pytest.fixture
async def hub() -> AsyncGenerator[SlackHub]:
    async with slack_hub() as hub:
        yield hub


@pytest.fixture
def ada(hub: SlackHub) -> Person:
    return hub.slack.person("ada")


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_post_is_shown_once_after(fault: str, hub: SlackHub, ada: Person) -> None:
    FAULTS[fault](hub.slack.faults, "chat.postMessage")

    ada.dm("hello")
    await hub.is_sent()

    assert ada.sees() == ["hello", "re: hello"]


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_growing_post_is_whole_and_there_once_after(
    fault: str, hub: SlackHub, ada: Person
) -> None:
    FAULTS[fault](hub.slack.faults, "chat.postMessage")
    FAULTS[fault](hub.slack.faults, "chat.update")
    hub.agents.will(Say(GROWING, pause_seconds=0.06))

    ada.dm("tell me")
    await hub.is_sent()

    assert ada.sees() == ["tell me", GROWING]
    assert hub.slack.calls("chat.startStream") == []


@pytest.mark.parametrize(
    "method", ["chat.startStream", "chat.appendStream", "chat.stopStream", "chat.update"]
)
@pytest.mark.parametrize("fault", STREAM_FAULTS)
async def test_a_stream_is_whole_and_there_once_after(
    fault: str, method: str, hub: SlackHub, ada: Person
) -> None:
    FAULTS[fault](hub.slack.faults, method)
    hub.agents.will(Say(GROWING, pause_seconds=0.06))

    root = ada.mentions("general", "tell us")
    await hub.is_sent()

    assert hub.slack.visible("general", root.ts)[1:] == [GROWING]


async def test_a_stream_grows_by_appending() -> None:
    seen = asyncio.Event(), asyncio.Event()
    async with slack_hub(ways=Ways().but(streaming=AT_ONCE)) as hub:
        hub.agents.will(
            *(Say("one ", message="m"), Until(seen[0])),
            *(Say("two ", message="m"), Until(seen[1]), Say("three", message="m")),
        )

        root = hub.slack.person("ada").mentions("general", "tell us")
        await hub.slack.until(lambda: hub.slack.visible("general", root.ts)[1:] == ["one"])
        seen[0].set()
        await hub.slack.until(lambda: hub.slack.visible("general", root.ts)[1:] == ["one two"])
        seen[1].set()
        await hub.is_sent()

    message = hub.slack.transcript("general", root.ts)[1]
    lengths = [len(revision.text) for revision in message.revisions]
    assert lengths == sorted(lengths)
    assert message.text == "one two three"
    assert hub.slack.calls("chat.appendStream")
    assert [call.outcome for call in hub.slack.calls("chat.update")] == ["ok"]


async def test_a_stream_that_has_expired_is_finished_by_an_update(
    hub: SlackHub, ada: Person
) -> None:
    hub.slack.settings.stream_idle_seconds = 0.1
    hub.agents.will(Say("one two", 0.3, "m"), Wait(0.3), Say(" three four", 0.1, "m"))

    root = ada.mentions("general", "tell us")
    await hub.is_sent()

    assert hub.slack.visible("general", root.ts)[1:] == ["one two three four"]
    outcomes = [call.outcome for call in hub.slack.calls("chat.appendStream")]
    assert "message_not_in_streaming_state" in outcomes


async def test_an_answer_whose_draft_was_deleted_is_posted_anew(hub: SlackHub, ada: Person) -> None:
    hub.agents.will(Say(GROWING, pause_seconds=0.1))
    ada.dm("tell me")
    await hub.slack.until(lambda: len(ada.sees()) == 2)

    hub.slack.transcript(ada.dm_channel)[1].is_deleted = True
    await hub.is_sent()

    assert ada.sees() == ["tell me", GROWING]


async def test_many_long_answers_at_once_keep_to_the_rates_of_slack() -> None:
    begun = asyncio.Event()

    def until_all_have_begun(request: RunRequest) -> Iterable[Step]:
        return (*slowly(request), Until(begun))

    ways = Ways().but(streaming=AT_ONCE)
    async with slack_hub(SlackSettings(rate_limits=True), ways) as hub:
        hub.agents.script = until_all_have_begun
        people = [hub.slack.person(f"person{number}") for number in range(60)]
        others = [hub.slack.person(f"other{number}") for number in range(15)]
        roots = [person.mentions("general", "tell us").ts for person in others]
        for person in people:
            person.dm("tell me")

        def all_is_said() -> bool:
            threads = (hub.slack.visible("general", root)[1:] for root in roots)
            return all(p.sees() == ["tell me", GROWING] for p in people) and all(
                seen == [GROWING] for seen in threads
            )

        await hub.slack.until(lambda: len(hub.slack.calls("chat.startStream")) == len(roots))
        begun.set()
        await hub.slack.until(all_is_said)

        assert len(hub.slack.calls("chat.startStream")) == len(roots)
        assert {call.outcome for call in hub.slack.calls("chat.update")} == {"ok"}


async def test_a_workspace_that_streams_too_much_gets_posts(hub: SlackHub, ada: Person) -> None:
    hub.slack.faults.ratelimit("chat.startStream", retry_after_seconds=60)
    hub.agents.will(Say(GROWING, pause_seconds=0.06))

    root = ada.mentions("general", "tell us")
    await hub.is_sent()

    assert hub.slack.visible("general", root.ts)[1:] == [GROWING]
    assert len(hub.slack.calls("chat.startStream")) == 1
    assert len(hub.slack.calls("chat.postMessage")) == 1


async def test_a_lost_reply_is_looked_up_until_the_history_can_not_lag() -> None:
    async with slack_hub(ways=Ways().but(history_lag_seconds=LONG_LAG)) as hub:
        hub.slack.settings.history_lag_seconds = 3600
        hub.slack.faults.lose_reply("chat.postMessage")
        ada = hub.slack.person("ada")

        ada.dm("hello")
        await hub.has_tried(2)
        hub.slack.settings.history_lag_seconds = 0
        hub.clock.slept = timedelta(seconds=LONG_LAG)
        await hub.is_sent()

    assert ada.sees() == ["hello", "re: hello"]
    assert len(hub.slack.calls("conversations.history")) >= 2
    assert len(hub.slack.calls("chat.postMessage")) == 1


async def test_a_history_that_lags_longer_than_is_waited_for_shows_a_post_twice(
    hub: SlackHub, ada: Person
) -> None:
    """The window that is left: `history_lag_seconds`, as the page on Slack says."""
    hub.slack.settings.history_lag_seconds = 3600
    hub.slack.faults.lose_reply("chat.postMessage")

    ada.dm("hello")
    await hub.is_sent()

    assert ada.sees() == ["hello", "re: hello", "re: hello"]


async def test_a_reply_lost_in_a_thread_is_looked_up_in_that_thread() -> None:
    async with slack_hub(ways=Ways().but(history_lag_seconds=LONG_LAG)) as hub:
        hub.slack.settings.history_lag_seconds = 3600
        hub.slack.faults.lose_reply("chat.postMessage")

        root = hub.slack.person("ada").mentions("general", "hello")
        await hub.has_tried(2)
        hub.slack.settings.history_lag_seconds = 0
        hub.clock.slept = timedelta(seconds=LONG_LAG)
        await hub.is_sent()

    assert hub.slack.visible("general", root.ts)[1:] == ["re: hello"]
    assert len(hub.slack.calls("conversations.replies")) >= 2


async def test_a_history_that_can_not_be_read_makes_the_repeat_say_so(
    hub: SlackHub, ada: Person
) -> None:
    hub.slack.faults.refuse("conversations.history", "missing_scope", times=9)
    hub.slack.faults.lose_reply("chat.postMessage")

    ada.dm("hello")
    await hub.is_sent()

    _, first, second = ada.sees()
    assert first == "re: hello"
    assert "may be a repeat" in second


async def test_a_channel_that_must_wait_holds_up_no_other(hub: SlackHub, ada: Person) -> None:
    bob = hub.slack.person("bob")
    hub.slack.faults.ratelimit("chat.postMessage", retry_after_seconds=30)
    ada.dm("slow")
    await hub.slack.until(lambda: len(hub.slack.calls("chat.postMessage")) == 1)

    bob.dm("quick")
    await hub.slack.until(lambda: bob.sees() == ["quick", "re: quick"])

    assert ada.sees() == ["slow"]


@pytest.mark.parametrize(
    "code",
    ["channel_not_found", "is_archived", "not_in_channel", "account_inactive", "token_revoked"],
)
async def test_what_slack_will_never_show_is_given_up_with_its_reason(
    code: str, hub: SlackHub, ada: Person
) -> None:
    hub.slack.faults.refuse("chat.postMessage", code)
    ada.dm("hello")
    await hub.slack.until(lambda: len(hub.slack.calls("chat.postMessage")) == 1)

    ada.dm("again")
    await hub.slack.until(lambda: "re: again" in ada.sees())

    given_up = await hub.hub.store.deliveries.get("turn-1.0")
    assert given_up is not None
    assert given_up.state is DeliveryState.FAILED
    assert ada.sees() == ["hello", "again", "re: again"]


async def test_an_archived_channel_holds_up_no_other(hub: SlackHub, ada: Person) -> None:
    hub.agents.will(Wait(0.2), Say("too late"))
    ada.mentions("old", "hello")
    hub.slack.channel("old").is_archived = True

    ada.dm("still there?")
    await hub.slack.until(lambda: any(s.startswith("re: still") for s in ada.sees()))

    assert hub.slack.said_by_app("old") == []


async def test_a_proactive_post_is_shown_once_after_a_lost_reply(
    hub: SlackHub, ada: Person
) -> None:
    hub.slack.faults.lose_reply("chat.postMessage")
    place = Conversation("slack", hub.slack.workspace().id, ada.dm_channel.id)
    post = NewDelivery(DeliveryId("wakeup-1"), place, "Time to stand up.")

    await hub.hub.store.deliveries.enqueue([post], datetime.now(UTC))
    await hub.is_sent("wakeup-1")

    assert ada.sees() == ["Time to stand up."]


async def test_the_status_line_shows_while_the_agent_thinks_and_then_goes(
    hub: SlackHub, ada: Person
) -> None:
    hub.agents.will(Wait(0.5), Say("done"))
    general = hub.slack.channel("general")

    root = ada.mentions(general, "think")
    await hub.slack.until(lambda: hub.slack.status(general, root.ts) == "is thinking…")
    await hub.is_sent()
    await hub.slack.until(lambda: hub.slack.status(general, root.ts) is None)

    assert hub.slack.calls("assistant.threads.setStatus")[-1].args["status"] == ""


async def test_a_status_line_that_slack_refuses_keeps_no_answer_back(
    hub: SlackHub, ada: Person
) -> None:
    hub.slack.faults.answer_status("assistant.threads.setStatus", 500, times=9)
    hub.agents.will(Wait(0.4), Say("done"))

    root = ada.mentions("general", "think")
    await hub.is_sent()

    assert hub.slack.visible("general", root.ts)[1:] == ["done"]
