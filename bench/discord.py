"""A DM on Discord until it is stored, seen and finished, beside a bare discord.py echo bot.

Discord is the tests' own server, in the same process and on the same loop for both.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

import discord

from bench.measuring import milliseconds
from bench.store import machine
from gateway.domain.people import Route
from storage.sqlite import SqliteStore
from tests.platforms.discord_hub import DiscordHub
from tests.platforms.discord_server import DiscordServer, Person
from tests.platforms.discord_server.aim import aimed_at
from tests.platforms.discord_server.events import Event

_PAUSE_SECONDS = 0.04
"""Between two DMs, so that Postern's own pace below 50 calls a second is not what is measured."""

Running = Callable[[DiscordServer], AbstractAsyncContextManager[DiscordHub | None]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be varied."""
    parser.add_argument("--messages", type=int, default=200, help="DMs, one after the other")
    parser.add_argument("--people", type=int, default=200, help="who write at once")
    parser.add_argument("--within", type=float, default=0.0, help="seconds in which they write")
    parser.add_argument("--burst", type=int, default=5_000, help="DMs to be stored in one go")
    parser.add_argument("--think", type=float, default=2.0, help="seconds that the model takes")
    parser.add_argument("--patience", type=float, default=60.0, help="seconds until all is over")


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Measure both, one after the other."""
    logging.disable(logging.CRITICAL)
    figures: dict[str, object] = {"machine": machine()}
    for name, running in (("bare_echo", echo_bot), ("postern", postern)):
        figures[name] = asyncio.run(measure(running, arguments))
    figures["ingest"] = asyncio.run(ingest(arguments.burst))
    return figures


async def measure(running: Running, arguments: argparse.Namespace) -> dict[str, object]:
    """Let one person write after the other, then many at once under Discord's limits."""
    async with DiscordServer() as server, running(server) as hub:
        figures: dict[str, object] = await one_by_one(server, hub, arguments.messages)
        if hub is not None:
            figures |= await streamed(server, arguments.messages // 10)
    async with DiscordServer() as server, running(server):
        server.limits.enabled = True
        return figures | await at_once(server, arguments)


async def one_by_one(
    server: DiscordServer, hub: DiscordHub | None, count: int
) -> dict[str, object]:
    """Write a DM, wait for its answer, and write the next."""
    ada, seen = server.person("ada"), Seen(server)
    stored: list[float] = []
    worked = time.process_time()
    for number in range(count):
        await asyncio.sleep(_PAUSE_SECONDS)
        began = time.perf_counter()
        sent = ada.dm(f"say {number}.")
        await ada.hears(f"{number}.")
        seen.waits.append(seen.at - began)
        if hub is not None:
            stored.append(hub.stored_at[str(sent.id)] - began)
    worked = (time.process_time() - worked) / count
    # Discord's own work is in it, for both; unlike a wait it tells little of a busy machine.
    figures: dict[str, object] = {
        "visible": milliseconds(seen.waits),
        "cpu_ms_each": round(worked * 1000, 2),
    }
    return figures | ({"stored": milliseconds(stored)} if stored else {})


async def streamed(server: DiscordServer, count: int) -> dict[str, object]:
    """Have answers of a second come word by word: when the first is seen, and the last."""
    ada, seen = server.person("ada"), Seen(server)
    first: list[float] = []
    last: list[float] = []
    for number in range(count):
        began = time.perf_counter()
        seen.forget()
        ada.dm(f"drip 0.05\nsay {' '.join(['word'] * 19)} {number}!")
        await ada.hears(f"{number}!")
        first.append(seen.first_at - began)
        last.append(seen.at - began - 20 * 0.05)
    return {"streamed_first": milliseconds(first), "final_after_the_last_word": milliseconds(last)}


async def at_once(server: DiscordServer, arguments: argparse.Namespace) -> dict[str, object]:
    """Have everybody write in the same moment; count who is answered, and when the last was."""
    people = [server.person(f"person{number}") for number in range(arguments.people)]
    seen, began = Seen(server), time.perf_counter()
    for person in people:
        person.dm(f"sleep {arguments.think}\nsay answer")
        await asyncio.sleep(arguments.within / len(people))
    with suppress(TimeoutError):
        await server.until(lambda: all_answered(people), timeout=arguments.patience)
    answered = sum(bool(person.inbox) for person in people)
    return {
        "at_once": f"{answered} of {len(people)} answered",
        "at_once_doubled": sum(len(person.inbox) > 1 for person in people),
        "at_once_last_s": round(seen.at - began, 2),
        "at_once_429s": server.limits.refused,
    }


async def ingest(count: int) -> dict[str, object]:
    """Have DMs of 100 people stored, with no turn beginning: Discord's own work is in the time."""
    waiting = Route("postern", quiet_seconds=3600, max_wait_seconds=3600)
    async with DiscordServer() as server:
        people = [server.person(f"person{number}") for number in range(100)]
        with tempfile.TemporaryDirectory() as folder:
            store = SqliteStore(Path(folder) / "bench.db")
            async with DiscordHub(server, store=store, route=waiting).connected() as hub:
                began = time.perf_counter()
                for number in range(count):
                    people[number % len(people)].dm(f"say {number}")
                    if number % 100 == 99:
                        await asyncio.sleep(0)
                await server.until(lambda: len(hub.stored) == count, timeout=120)
                seconds = max(hub.stored_at.values()) - began
    return {"messages": count, "stored_per_s": round(count / seconds)}


def all_answered(people: Sequence[Person]) -> bool:
    """Whether everybody has an answer."""
    return all(person.inbox for person in people)


class Seen:
    """Notes when the bot's texts are seen."""

    def __init__(self, server: DiscordServer) -> None:
        self._bot = str(server.world.bot.id)
        self.waits: list[float] = []
        self.at = 0.0
        self.first_at = 0.0
        server.world.announce.listeners.append(self._note)

    def forget(self) -> None:
        """Have the next text be the first."""
        self.first_at = 0.0

    def _note(self, event: Event) -> None:
        if event.name in ("MESSAGE_CREATE", "MESSAGE_UPDATE") and self._is_ours(event):
            self.at = time.perf_counter()
            self.first_at = self.first_at or self.at

    def _is_ours(self, event: Event) -> bool:
        return event.data["author"]["id"] == self._bot


@asynccontextmanager
async def postern(server: DiscordServer) -> AsyncGenerator[DiscordHub]:
    """Run the whole hub on SQLite, with agents that answer at once."""
    with tempfile.TemporaryDirectory() as folder:
        settings: dict[str, object] = {
            "stream_interval_seconds": 1.2,
            "stream_hold_seconds": 0.5,
            "typing_after_seconds": 0.5,
        }
        store = SqliteStore(Path(folder) / "bench.db")
        async with DiscordHub(server, store=store, settings=settings).connected() as hub:
            yield hub


class EchoBot(discord.Client):
    """Does what the hub's agents do, and nothing else."""

    async def on_message(self, message: discord.Message) -> None:
        """Answer."""
        if message.author == self.user:
            return
        for line in message.content.splitlines():
            verb, _, rest = line.partition(" ")
            if verb == "sleep":
                await asyncio.sleep(float(rest))
            elif verb == "say":
                await message.channel.send(rest)


@asynccontextmanager
async def echo_bot(server: DiscordServer) -> AsyncGenerator[None]:
    """Run the bare bot."""
    bot = EchoBot(intents=discord.Intents.default())
    with aimed_at(server):
        async with asyncio.TaskGroup() as group:
            group.create_task(bot.start(server.token))
            await server.connected()
            yield
            await bot.close()
