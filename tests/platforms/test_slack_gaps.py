"""What people wrote in direct messages while nobody listened is fetched, and heard once."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest

from gateway.domain.audit import AuditKind
from storage.memory import MemoryStore
from tests.fakes.crashing import around
from tests.platforms.slack_hub import Outage, SlackHub, Ways, dead_hub
from tests.platforms.slack_server import Message, Person
from tests.platforms.slack_server.wire import message_wire

ORGANISATION = "E00000001"


@pytest.fixture
async def hub() -> AsyncGenerator[SlackHub]:
    """Make a hub that has answered ada once, and is down since."""
    async with dead_hub() as hub:
        await meets(hub)
        yield hub


@pytest.fixture
def ada(hub: SlackHub) -> Person:
    return hub.slack.person("ada")


async def meets(hub: SlackHub) -> None:
    """Live until ada is known, and it is noted that all was heard."""
    ada = hub.slack.person("ada")
    async with hub.living():
        if hub.ways.is_oauth:
            assert await hub.installs("acme") == 200
        ada.dm("hello")
        await hub.slack.until(lambda: ada.sees() == ["hello", "re: hello"])
        await hub.has_noted()
        await hub.is_quiet()


async def misses(hub: SlackHub, *texts: str, thread: str | None = None) -> list[Message]:
    """Have ada write while nobody listens, until Slack tries no more."""
    delays, hub.slack.settings.retry_delays_seconds = hub.slack.settings.retry_delays_seconds, ()
    said = [hub.slack.person("ada").dm(text, thread_ts=thread) for text in texts]
    await hub.slack.until_delivered()
    hub.slack.settings.retry_delays_seconds = delays
    return said


async def begins_a_thread(hub: SlackHub) -> Message:
    """Live until ada's thread is answered; return its first message."""
    ada = hub.slack.person("ada")
    async with hub.living():
        root = ada.dm("a thread")
        ada.dm("in it", thread_ts=root.ts)
        await hub.slack.until(lambda: "re: in it" in ada.sees(ada.dm_channel, root.ts))
        await hub.is_quiet()
    return root


def comes_late(hub: SlackHub, message: Message) -> None:
    """Have Slack send the event of a message again."""
    workspace = hub.slack.workspace()
    place = {"channel": message.channel, "channel_type": "im", "event_ts": message.ts}
    hub.slack.world.publish(workspace, {**message_wire(workspace, message), **place})


def heard(hub: SlackHub, person: Person) -> list[str]:
    """What was answered, one by one; several at once may be one turn."""
    said = hub.slack.said_by_app(person.dm_channel)
    return " + ".join(text.removeprefix("re: ") for text in said).split(" + ")


@pytest.mark.parametrize("is_socket", [False, True], ids=["http", "ws"])
async def test_what_was_written_in_a_long_outage_is_heard_once_and_in_order(
    is_socket: bool,
) -> None:
    async with dead_hub(ways=Ways(is_http=not is_socket, is_socket=is_socket)) as hub:
        ada = hub.slack.person("ada")
        await meets(hub)
        await misses(hub, "one", "two", "three")

        async with hub.living():
            await hub.slack.until(lambda: "three" in heard(hub, ada))
            await hub.is_quiet()
        looks = len(hub.slack.calls("conversations.history"))
        async with hub.living():
            await hub.slack.until(lambda: len(hub.slack.calls("conversations.history")) > looks)
            ada.dm("bye")
            await hub.slack.until(lambda: heard(hub, ada)[-1] == "bye")
            await hub.is_quiet()

        assert heard(hub, ada) == ["hello", "one", "two", "three", "bye"]


async def test_what_a_stop_left_unfetched_is_fetched_by_the_next_start(
    hub: SlackHub, ada: Person
) -> None:
    await misses(hub, "missed")
    hub.slack.faults.delay("conversations.history", 1_000)
    async with hub.living():
        ada.dm("live")
        await hub.slack.until(lambda: "re: live" in ada.sees())
        await hub.is_quiet()

    async with hub.living():
        await hub.slack.until(lambda: "re: missed" in ada.sees())
        await hub.is_quiet()

    assert heard(hub, ada) == ["hello", "live", "missed"]


async def test_what_was_written_while_the_machine_slept_is_fetched_when_it_wakes() -> None:
    async with dead_hub(ways=Ways(is_http=False, is_socket=True)) as hub:
        ada = hub.slack.person("ada")
        await meets(hub)
        async with hub.living():
            await hub.slack.until(lambda: hub.slack.calls("conversations.history"))
            hello = ada.dm_channel.messages[min(ada.dm_channel.messages)]
            missed = {"ts": f"{float(hello.ts) + 1:.6f}", "user": ada.id, "text": "missed"}
            hub.slack.faults.answer("conversations.history", {"ok": True, "messages": [missed]})

            hub.clock.slept = timedelta(minutes=10)
            await hub.slack.until(lambda: "missed" in heard(hub, ada))
            await hub.is_quiet()

        assert heard(hub, ada) == ["hello", "missed"]


async def test_a_late_retry_of_what_was_fetched_is_no_second_message(
    hub: SlackHub, ada: Person
) -> None:
    _, two, _ = await misses(hub, "one", "two", "three")
    hub.slack.faults.ratelimit("conversations.history")

    async with hub.living():
        comes_late(hub, two)
        await hub.slack.until(lambda: "three" in heard(hub, ada))
        comes_late(hub, two)
        await hub.is_quiet()
        ada.dm("bye")
        await hub.slack.until(lambda: heard(hub, ada)[-1] == "bye")

    assert sorted(heard(hub, ada)) == ["bye", "hello", "one", "three", "two"]


async def test_more_than_a_page_is_fetched_page_by_page(hub: SlackHub, ada: Person) -> None:
    texts = [f"m{number}" for number in range(7)]
    await misses(hub, *texts)
    hub.slack.settings.longest_page = 3

    async with hub.living():
        await hub.slack.until(lambda: "m6" in heard(hub, ada))
        await hub.is_quiet()

    assert heard(hub, ada) == ["hello", *texts]
    assert len(hub.slack.calls("conversations.history")) == 3


async def test_a_thread_in_the_direct_messages_is_looked_through_too(
    hub: SlackHub, ada: Person
) -> None:
    root = await begins_a_thread(hub)
    await misses(hub, "missed", thread=root.ts)

    async with hub.living():
        await hub.slack.until(lambda: "re: missed" in ada.sees(ada.dm_channel, root.ts))
        await hub.is_quiet()

    assert ada.sees(ada.dm_channel, root.ts).count("re: missed") == 1
    assert ada.sees().count("re: a thread") == 1


async def test_a_missed_message_with_replies_is_answered_where_it_was_written(
    hub: SlackHub, ada: Person
) -> None:
    (root,) = await misses(hub, "missed")
    await misses(hub, "a reply", thread=root.ts)

    async with hub.living():
        await hub.slack.until(lambda: "re: missed" in ada.sees())
        await hub.is_quiet()

    assert ada.sees(ada.dm_channel, root.ts) == ["missed", "a reply"]


async def test_files_that_were_missed_are_taken_in(hub: SlackHub, ada: Person) -> None:
    hub.slack.settings.retry_delays_seconds = ()
    ada.shares_file(ada.dm_channel, "list.txt", b"eggs", text="look")
    await hub.slack.until_delivered()

    async with hub.living():
        await hub.slack.until(lambda: len(hub.slack.said_by_app(ada.dm_channel)) == 2)

    assert "list.txt" in str(hub.agents.heard[-1])


async def test_somebody_of_an_organisation_stays_the_same_person() -> None:
    async with dead_hub(ways=Ways(is_oauth=True)) as hub:
        hub.slack.world.installations.enterprise = ORGANISATION
        ada = hub.slack.person("ada")
        await meets(hub)
        await misses(hub, "missed")

        async with hub.living():
            await hub.slack.until(lambda: "missed" in heard(hub, ada))
            await hub.is_quiet()

        audit = await hub.hub.store.history.audit(0, 1_000)
        met = [entry.ref for entry in audit if entry.kind is AuditKind.PERSON_MET]
        assert met == [f"slack:{ORGANISATION}:{ada.id}"]


@pytest.mark.parametrize("code", ["missing_scope", "not_in_channel", "channel_not_found"])
async def test_history_that_may_not_be_read_is_told_once_and_live_events_are_heard(
    hub: SlackHub, ada: Person, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    await begins_a_thread(hub)
    await misses(hub, "missed")
    for method in ("conversations.history", "conversations.replies"):
        hub.slack.faults.refuse(method, code, times=1_000)

    async with hub.living():
        await hub.slack.until(
            lambda: (
                len(hub.slack.calls("conversations.history"))
                and len(hub.slack.calls("conversations.replies"))
            )
        )
        ada.dm("live")
        await hub.slack.until(lambda: "re: live" in ada.sees())
        await hub.is_quiet()

    assert "re: missed" not in ada.sees()
    (told,) = [record for record in caplog.records if record.msg == "gap_not_filled"]
    assert code in vars(told)["error"]


async def test_nobody_else_is_heard_in_a_direct_message(hub: SlackHub, ada: Person) -> None:
    said = ada.dm_channel.messages[min(ada.dm_channel.messages)]
    stranger = {"ts": f"{float(said.ts) + 1:.6f}", "user": "U0STRANGER", "text": "who am I?"}
    hub.slack.faults.answer("conversations.history", {"ok": True, "messages": [stranger]})

    async with hub.living():
        await hub.slack.until(lambda: hub.slack.calls("conversations.history"))
        ada.dm("live")
        await hub.slack.until(lambda: "re: live" in ada.sees())
        await hub.is_quiet()

    assert "re: who am I?" not in ada.sees()


ODD: list[dict[str, object]] = [
    {"ok": True},
    {"ok": True, "messages": None},
    {"ok": True, "messages": ["hello"]},
    {"ok": True, "messages": [{"user": "U1"}, {"ts": 7}], "response_metadata": {}},
]


@pytest.mark.parametrize("answer", ODD, ids=str)
async def test_a_history_that_can_not_be_read_keeps_no_live_event_out(
    hub: SlackHub, ada: Person, answer: dict[str, object]
) -> None:
    hub.slack.faults.answer("conversations.history", answer, times=10)

    async with hub.living():
        await hub.slack.until(lambda: hub.slack.calls("conversations.history"))
        ada.dm("live")
        await hub.slack.until(lambda: "re: live" in ada.sees())


async def test_a_history_that_does_not_answer_holds_nothing_up(hub: SlackHub, ada: Person) -> None:
    await misses(hub, "missed")
    hub.slack.faults.delay("conversations.history", 1_000)

    async with hub.living():
        for text in ("live", "and on"):
            ada.dm(text)
            await hub.slack.until(lambda text=text: f"re: {text}" in ada.sees())

    assert "re: missed" not in ada.sees()


async def test_a_store_that_can_not_say_what_was_heard_keeps_no_live_event_out() -> None:
    outage = Outage()
    async with dead_hub(store=around(MemoryStore(), "store", outage)) as hub:
        await meets(hub)
        await misses(hub, "missed")
        ada = hub.slack.person("ada")
        outage.failures["before store.history.newest_events"] = 1

        async with hub.living():
            ada.dm("live")
            await hub.slack.until(lambda: "re: live" in ada.sees())

        assert outage.is_over.is_set()
