"""Channels side by side, each in order, with what was missed before what is new."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from adapters.discord.lanes import Event, Lanes


class Channels:
    """A Discord of numbered messages, and what was taken in of it."""

    def __init__(self) -> None:
        self.history: dict[str, list[int]] = {}
        self.taken: list[tuple[str, int]] = []
        self.fetching = asyncio.Event()
        self.may_fetch = asyncio.Event()
        self.may_fetch.set()

    async def handle(self, event: Event) -> None:
        await asyncio.sleep(0.01)
        if event.data["id"] == "13":
            raise RuntimeError("an event that nobody foresaw")
        self._take(event.data["channel"], int(event.data["id"]))

    async def fetch(self, channel: str, after: int) -> None:
        self.fetching.set()
        await self.may_fetch.wait()
        for number in self.history.get(channel, []):
            if number > after:
                self._take(channel, number)

    def _take(self, channel: str, number: int) -> None:
        if (channel, number) not in self.taken:
            self.taken.append((channel, number))

    def of(self, channel: str) -> list[int]:
        return [number for one, number in self.taken if one == channel]


@asynccontextmanager
async def running(channels: Channels, limit: int = 100) -> AsyncGenerator[Lanes]:
    async with asyncio.TaskGroup() as group:
        yield Lanes(group, channels.handle, channels.fetch, limit)


def event(channel: str, number: int) -> Event:
    return Event("MESSAGE_CREATE", {"id": str(number), "channel": channel})


async def test_a_channel_keeps_its_order() -> None:
    channels = Channels()

    async with running(channels) as lanes:
        for number in range(1, 10):
            lanes.put("a", 0, event("a", number))
            lanes.put("b", 0, event("b", number))

    assert channels.of("a") == channels.of("b") == list(range(1, 10))


async def test_an_event_that_fails_does_not_stop_its_channel() -> None:
    channels = Channels()

    async with running(channels) as lanes:
        for number in (12, 13, 14):
            lanes.put("a", 0, event("a", number))

    assert channels.of("a") == [12, 14]


async def test_what_is_new_waits_for_what_was_missed() -> None:
    channels = Channels()
    channels.history = {"a": [1, 2, 3, 4]}

    async with running(channels) as lanes:
        lanes.hold(0)
        lanes.put("a", 0, event("a", 4))
        lanes.put("b", 0, event("b", 1))
        await asyncio.sleep(1)
        nothing = list(channels.taken)
        await lanes.fill(0, {"a": 1}, at_once=2)

    assert nothing == []
    assert channels.of("a") == [2, 3, 4]
    assert channels.of("b") == [1]


async def test_other_channels_and_shards_do_not_wait_for_a_backfill() -> None:
    channels = Channels()
    channels.history = {"a": [1, 2]}
    channels.may_fetch.clear()

    async with running(channels) as lanes, asyncio.TaskGroup() as group:
        lanes.hold(0)
        lanes.put("other shard", 1, event("other shard", 1))
        group.create_task(lanes.fill(0, {"a": 0}, at_once=1))
        await channels.fetching.wait()
        lanes.put("a", 0, event("a", 3))
        lanes.put("b", 0, event("b", 1))
        await asyncio.sleep(1)
        meanwhile = list(channels.taken)
        channels.may_fetch.set()

    assert sorted(meanwhile) == [("b", 1), ("other shard", 1)]
    assert channels.of("a") == [1, 2, 3]


async def test_a_new_session_holds_lanes_that_are_at_work() -> None:
    channels = Channels()
    channels.history = {"a": [1, 2, 3, 4]}

    async with running(channels) as lanes:
        lanes.put("a", 0, event("a", 1))
        await asyncio.sleep(0)
        lanes.hold(0)
        lanes.put("a", 0, event("a", 4))
        await asyncio.sleep(1)
        await lanes.fill(0, {"a": 1}, at_once=1)

    assert channels.of("a") == [1, 2, 3, 4]


async def test_what_finds_no_room_is_fetched_again() -> None:
    channels = Channels()
    channels.history = {"a": list(range(1, 13))}

    async with running(channels, limit=3) as lanes:
        for number in range(1, 13):
            lanes.put("a", 0, event("a", number))

    assert channels.of("a") == list(range(1, 13))
