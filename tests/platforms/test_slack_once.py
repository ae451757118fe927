"""One event is one turn and one answer: over retries, both doors, outages and crashes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

import pytest

from agents.scripted import Say, Wait
from storage.memory import MemoryStore
from tests.fakes.crashing import around
from tests.fakes.patience import PATIENCE_SECONDS
from tests.platforms.slack_hub import Outage, SlackHub, Ways, dead_hub, slack_hub
from tests.platforms.slack_server import Message

GROWING = "one two three four five six seven eight"

MOMENTS = (
    "before store.turns.accept",
    "after store.turns.accept",
    "before agents.run",
    "after store.turns.record_run",
    "after TextDelta of agents.run",
    "before store.turns.finish",
    "after store.turns.finish",
    "before platform.send",
    "after platform.send",
    "before store.deliveries.settle",
    "after store.deliveries.settle",
)
GROWING_MOMENTS = (
    "before store.turns.open_draft",
    "after store.turns.open_draft",
    "before platform.send",
    "after platform.send",
    "after store.deliveries.settle",
    "before platform.show_draft",
    "after platform.show_draft",
    "before store.turns.finish",
    "after store.turns.finish",
)


@pytest.fixture
async def hub() -> AsyncGenerator[SlackHub]:
    """Make a hub that is not alive yet."""
    async with dead_hub() as hub:
        yield hub


async def dies_while(hub: SlackHub, moment: str, act: Callable[[], object], nth: int = 1) -> None:
    """Act, in a life that ends at this moment."""
    async with asyncio.TaskGroup() as group:
        group.create_task(hub.dies_at(moment, nth))
        await hub.is_connected()
        act()


async def test_three_retries_and_the_other_door_at_once_are_one_turn() -> None:
    async with slack_hub(ways=Ways(is_socket=True)) as hub:
        ada = hub.slack.person("ada")
        hub.slack.faults.send_both_ways("message")
        hub.slack.faults.duplicate_events("message", copies=3)
        for text in ("by both doors", "four times"):
            ada.dm(text)
            await hub.slack.until(lambda text=text: f"re: {text}" in ada.sees())
        await hub.slack.until_delivered()

        assert ada.sees() == ["by both doors", "re: by both doors", "four times", "re: four times"]
        assert len(hub.agents.heard) == 2
        assert {attempt.via for attempt in hub.slack.attempts} == {"http", "socket"}


async def test_over_socket_mode_alone_it_is_all_the_same() -> None:
    async with slack_hub(ways=Ways(is_http=False, is_socket=True)) as hub:
        ada = hub.slack.person("ada")
        ada.dm("hello")
        await hub.slack.until(lambda: ada.sees() == ["hello", "re: hello"])
        acknowledged = await ada.slash("/ask", "what is a payload?")
        await hub.slack.until(lambda: ada.sees()[2:] == ["re: what is a payload?"])
        root = ada.mentions("general", "and here?")
        await hub.slack.until(lambda: hub.slack.visible("general", root.ts)[1:] != [])

        assert acknowledged.is_acknowledged
        assert hub.slack.visible("general", root.ts)[1:] == ["re: and here?"]
        assert {attempt.via for attempt in hub.slack.attempts} == {"socket"}


async def test_a_socket_that_is_cut_is_connected_again() -> None:
    async with slack_hub(ways=Ways(is_http=False, is_socket=True)) as hub:
        ada = hub.slack.person("ada")
        await hub.slack.sockets.refresh()
        await hub.slack.until(lambda: hub.slack.sockets.opened == 2)

        ada.dm("hello")

        await hub.slack.until(lambda: ada.sees() == ["hello", "re: hello"])


@pytest.mark.parametrize("ways", [Ways(), Ways(is_http=False, is_socket=True)], ids=["http", "ws"])
async def test_an_event_that_could_not_be_stored_comes_again(ways: Ways) -> None:
    outage = Outage()
    async with slack_hub(ways=ways, store=around(MemoryStore(), "store", outage)) as hub:
        hub.slack.settings.ack_timeout_seconds = 1.5
        outage.failures["before store.turns.accept"] = 2
        ada = hub.slack.person("ada")

        ada.dm("hello")
        await outage.is_over.wait()
        hub.slack.settings.ack_timeout_seconds = PATIENCE_SECONDS
        await hub.slack.until(lambda: ada.sees() == ["hello", "re: hello"])
        await hub.slack.until_delivered()

        first, second, third = [a for a in hub.slack.attempts if a.event_id == "Ev0000000001"]
        assert not first.is_accepted
        assert not second.is_accepted
        assert third.is_accepted
        assert len(hub.agents.heard) == 1


async def test_a_mention_whose_ack_was_lost_is_one_turn(hub: SlackHub) -> None:
    ada = hub.slack.person("ada")
    hub.slack.settings.ack_timeout_seconds = 0.3
    await dies_while(hub, "after store.turns.accept", lambda: ada.mentions("general", "hello"))

    async with hub.living():
        await hub.slack.until(lambda: hub.slack.said_by_app("general"))
        await hub.is_quiet()

    assert hub.slack.said_by_app("general") == ["re: hello"]
    assert len(hub.agents.heard) == 1


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_dm_is_answered_once_though_we_die(moment: str, hub: SlackHub) -> None:
    ada = hub.slack.person("ada")
    await dies_while(hub, moment, lambda: ada.dm("hello"))

    async with hub.living():
        await hub.slack.until(lambda: len(ada.sees()) == 2)
        await hub.is_quiet()

    assert ada.sees() == ["hello", "re: hello"]


@pytest.mark.parametrize("is_stream", [False, True], ids=["post", "stream"])
@pytest.mark.parametrize("moment", GROWING_MOMENTS)
async def test_a_growing_answer_is_whole_and_there_once_though_we_die(
    moment: str, is_stream: bool, hub: SlackHub
) -> None:
    ada = hub.slack.person("ada")
    hub.agents.will(Say(GROWING, pause_seconds=0.06))
    asked: list[Message] = []

    def ask() -> None:
        asked.append(ada.mentions("general", "tell") if is_stream else ada.dm("tell"))

    await dies_while(hub, moment, ask)
    place = hub.slack.channel("general") if is_stream else ada.dm_channel
    async with hub.living():
        await hub.slack.until(lambda: GROWING in hub.slack.said_by_app(place))
        await hub.is_quiet()

    assert hub.slack.said_by_app(place) == [GROWING]


async def test_a_lagging_history_doubles_nothing_after_a_crash(hub: SlackHub) -> None:
    hub.slack.settings.history_lag_seconds = 0.2
    ada = hub.slack.person("ada")
    await dies_while(hub, "after platform.send", lambda: ada.dm("hello"))

    async with hub.living():
        await hub.is_sent()

    assert ada.sees() == ["hello", "re: hello"]
    assert len(hub.slack.calls("chat.postMessage")) == 1


async def test_a_conversation_stays_in_order_over_crashes(hub: SlackHub) -> None:
    ada = hub.slack.person("ada")
    hub.agents.will(Wait(0.3), Say("re: m0"))

    def write() -> None:
        for number in range(6):
            ada.dm(f"m{number}")

    await dies_while(hub, "after TextDelta of agents.run", write)
    await hub.slack.until_delivered()
    await hub.dies_at("after platform.send", nth=2)
    async with hub.living():
        await hub.slack.until(lambda: "m5" in "".join(hub.slack.said_by_app(ada.dm_channel)))
        await hub.is_quiet()

    said = " + ".join(text.removeprefix("re: ") for text in hub.slack.said_by_app(ada.dm_channel))
    assert said == " + ".join(f"m{number}" for number in range(6))
