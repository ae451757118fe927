"""Many kills of one gateway while people write: what was lost, doubled, or put out of order.

The platform, the Letta server and its model outlive every kill and remember everything.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from letta_client import AsyncLetta
from starlette.requests import Request
from starlette.responses import Response

from agents.embedded import EmbeddedOptions, ModelOptions
from agents.embedded.server import serve
from tests.crash.home import Home
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.ports import port_of_our_own
from tests.platforms.discord_server import DiscordServer
from tests.platforms.slack_server import SlackServer, SlackSettings
from tests.platforms.slack_server.state import Workspace
from tests.unit.agents.embedded.chat_endpoint import ChatEndpoint, Chunk, delta, serving

TOKEN = re.compile(r"\bm\d+\b")
"""What people write: every message is a word that never comes again."""

END = "end."
"""The last word of every answer."""


@dataclass(frozen=True, slots=True)
class Load:
    """How much is written, and how often the gateway is killed."""

    kills: int
    people: int = 10
    pause_seconds: float = 0.7
    """Between two messages of one person, on average."""
    longest_life_seconds: float = 1.2
    """A gateway is killed within this time of serving, and now and then before."""
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a history of kills came to. All that must be zero is named in `faults`."""

    kills: int
    written: int
    turns: int
    lost: int
    """Messages whose answer nobody ever saw."""
    doubled: int
    """Messages that more than one visible message answers."""
    heard_twice: int
    """Messages that reached an agent in Letta more than once."""
    thought_twice: int
    """Messages that the model was asked to answer more than once."""
    disordered: int
    """Answers that people saw after the answer to something later."""
    left_over: int
    """Visible messages of the bot that are cut short, or say something else than an answer."""
    seconds: float

    @property
    def faults(self) -> dict[str, int]:
        """Return what broke a promise; empty when none is broken."""
        names = ("lost", "doubled", "heard_twice", "thought_twice", "disordered", "left_over")
        return {name: found for name in names if (found := getattr(self, name))}


class Shows(Protocol):
    """What people see."""

    def shown(self, person: str) -> list[str]:
        """Return every text of the bot for that person, oldest first."""
        ...


class Platform(Shows, Protocol):
    """Where people write, and what they see."""

    settings: dict[str, str]

    async def until_connected(self) -> None:
        """Wait until the gateway hears what is written."""
        ...

    async def write(self, person: str, text: str) -> None:
        """Write a message; the person goes on when the platform would let the next one follow."""
        ...

    async def until_answered(self, tokens: dict[str, str], seconds: float) -> None:
        """Wait until each of the tokens was answered to its person; TimeoutError else."""
        ...


class OnDiscord:
    """DMs over the gateway. What is written while nobody is connected stands in the history."""

    def __init__(self, server: DiscordServer) -> None:
        self._server = server
        self.settings = {
            "DISCORD_TOKEN": server.token,
            "POSTERN_DISCORD__API_URL": server.api_url,
            "POSTERN_DISCORD__GATEWAY_URL": server.gateway_url,
            "POSTERN_ACCESS__DISCORD": "open",
        }

    async def until_connected(self) -> None:
        """Wait for a session."""
        await self._server.connected()

    async def write(self, person: str, text: str) -> None:
        """Write; Discord keeps the order."""
        self._server.person(person).dm(text)

    def shown(self, person: str) -> list[str]:
        """Return what the bot said, deleted messages included."""
        return self._server.said_by_bot(self._server.person(person).dm_channel)

    async def until_answered(self, tokens: dict[str, str], seconds: float) -> None:
        """Wait."""
        await self._server.until(lambda: not missing(self, tokens), timeout=seconds)


class OnSlack:
    """DMs over HTTP. Slack promises no order, so a person writes on when the event was taken."""

    def __init__(self, server: SlackServer, url: str) -> None:
        self._server = server
        self._publish = server.world.publish
        self._events: dict[str, str] = {}
        """By text."""
        self._taken: set[str] = set()
        self._seen = 0
        server.world.publish = self._note
        server.events_url = f"{url}/slack/events"
        self.settings = {
            "SLACK_BOT_TOKEN": server.bot_token(),
            "SLACK_SIGNING_SECRET": server.app.signing_secret,
            "POSTERN_SLACK__API_URL": server.api_url,
            "POSTERN_ACCESS__SLACK": "open",
        }

    async def until_connected(self) -> None:
        """Slack needs no connection."""

    async def write(self, person: str, text: str) -> None:
        """Write, and wait until the event was acknowledged."""
        self._server.person(person).dm(text)
        await self._server.until(lambda: self._events[text] in self._acknowledged(), 300)

    def shown(self, person: str) -> list[str]:
        """Return what the app said."""
        return self._server.said_by_app(self._server.person(person).dm_channel)

    async def until_answered(self, tokens: dict[str, str], seconds: float) -> None:
        """Wait."""
        with suppress(AssertionError):
            await self._server.until(lambda: not missing(self, tokens), seconds)
            return
        raise TimeoutError

    def _note(self, workspace: Workspace, event: dict[str, Any]) -> object:  # Any: Slack's JSON
        published = self._publish(workspace, event)
        if isinstance(published, str):
            self._events.setdefault(str(event.get("text")), published)
        return published

    def _acknowledged(self) -> set[str]:
        attempts = self._server.attempts
        new = attempts[self._seen :]
        self._seen = len(attempts)
        self._taken.update(each.event_id for each in new if each.status == 200)
        return self._taken


def missing(platform: Shows, tokens: dict[str, str]) -> set[str]:
    """Return the tokens that nobody was answered."""
    shown = {person: " ".join(platform.shown(person)) for person in set(tokens.values())}
    seen = {person: set(TOKEN.findall(text)) for person, text in shown.items()}
    return {token for token, person in tokens.items() if token not in seen[person]}


@asynccontextmanager
async def platform_of(kind: str, home: Home) -> AsyncGenerator[Platform]:
    """Start a platform that remembers everything."""
    if kind == "discord":
        async with DiscordServer() as server:
            yield OnDiscord(server)
        return
    # Slack tries after 0, 60 and 300 seconds; here the gateway is gone for a second or two.
    delays = (0.05, 0.5, 1.0, 2.0, *(3.0,) * 90)
    async with SlackServer(SlackSettings(retry_delays_seconds=delays)) as slack:
        yield OnSlack(slack, home.url)


class Echo(ChatEndpoint):
    """A model that says what it heard since it last spoke, a word at a time."""

    word_seconds = 0.04

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()

    async def answer(self, request: Request) -> Response:
        """Answer what came after its last words."""
        messages: list[dict[str, Any]] = (await request.json())["messages"]
        tokens = list(self._unanswered(messages))
        self.asked.update(tokens)
        self.answers = [[delta(content=f"{word} ") for word in ["heard", *tokens, END]]]
        return await super().answer(request)

    @staticmethod
    def _unanswered(messages: Sequence[dict[str, Any]]) -> Iterator[str]:
        spoke = [at for at, each in enumerate(messages) if each["role"] == "assistant"]
        for message in messages[spoke[-1] + 1 if spoke else 0 :]:
            if message["role"] == "user":
                yield from TOKEN.findall(str(message["content"]))

    async def _stream(self, chunks: list[Chunk]) -> AsyncIterator[bytes]:
        self.requests.clear()
        async for data in super()._stream(chunks):
            yield data
            await asyncio.sleep(self.word_seconds)


class Storm:
    """People who write, and a gateway that is killed again and again."""

    def __init__(self, home: Home, platform: Platform, settings: dict[str, str]) -> None:
        self._home = home
        self._platform = platform
        self._settings = {**platform.settings, **settings}
        self._numbers = count()
        self.tokens: dict[str, str] = {}
        """Everything written: word to person, in order."""

    async def rage(self, load: Load) -> None:
        """Kill so many gateways; then let one live until all is answered, or nothing more comes."""
        chance = random.Random(load.seed)
        people = [f"person{number}" for number in range(load.people)]
        async with self._home.gateway(settings=self._settings) as first:
            await self._home.until_ready()
            await self._platform.until_connected()
            # A bot asks after a gap in those DMs that it has heard in before.
            await self._everybody(people)
            await self._platform.until_answered(self.tokens, PATIENCE_SECONDS)
            async with asyncio.TaskGroup() as group:
                writers = [
                    group.create_task(self._write_on(person, load, chance)) for person in people
                ]
                await asyncio.sleep(chance.uniform(0, load.longest_life_seconds))
                first.kill()
                for _ in range(load.kills - 1):
                    await self._live_and_die(load, chance)
                for writer in writers:
                    writer.cancel()
        async with self._home.gateway(settings=self._settings):
            await self._home.until_ready()
            with suppress(TimeoutError):
                await self._until_all_is_answered()
                await self._home.until_idle()

    async def _until_all_is_answered(self) -> None:
        """Wait; TimeoutError when nothing more was answered for a while."""
        left = len(self.tokens)
        while (waiting := len(missing(self._platform, self.tokens))) < left:
            left = waiting
            with suppress(TimeoutError):
                await self._platform.until_answered(self.tokens, PATIENCE_SECONDS)
        if left:
            raise TimeoutError

    async def _live_and_die(self, load: Load, chance: random.Random) -> None:
        async with self._home.gateway(settings=self._settings) as dying:
            if chance.random() < 0.8:
                await self._home.until_ready()
                await self._platform.until_connected()
            await asyncio.sleep(chance.uniform(0, load.longest_life_seconds))
            dying.kill()

    async def _everybody(self, people: Sequence[str]) -> None:
        async with asyncio.TaskGroup() as group:
            for person in people:
                group.create_task(self._write(person))

    async def _write_on(self, person: str, load: Load, chance: random.Random) -> None:
        while True:
            await asyncio.sleep(chance.expovariate(1 / load.pause_seconds))
            await self._write(person)

    async def _write(self, person: str) -> None:
        token = f"m{next(self._numbers)}"
        self.tokens[token] = person
        await self._platform.write(person, token)


async def killed(folder: Path, database: str, kind: str, load: Load) -> Verdict:
    """Run the storm on `discord` or `slack`; `database` is a URL, or empty for SQLite."""
    home, model, began = Home(folder / "data", port_of_our_own()), Echo(), time.perf_counter()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving(model))
        url = await stack.enter_async_context(serve(letta_options(folder, model)))
        platform = await stack.enter_async_context(platform_of(kind, home))
        settings = {"LETTA_BASE_URL": url}
        if database:
            settings |= {"DATABASE_URL": database, "POSTERN_TURNS__LEASE_SECONDS": "1.5"}
        storm = Storm(home, platform, settings)
        await storm.rage(load)
        heard = await heard_by_letta(url)
        return _judged(storm.tokens, platform, model, heard, load.kills, began)


def _judged(
    tokens: dict[str, str],
    platform: Platform,
    model: Echo,
    heard: Counter[str],
    kills: int,
    began: float,
) -> Verdict:
    shown = {person: platform.shown(person) for person in sorted(set(tokens.values()))}
    answers = [TOKEN.findall(text) for texts in shown.values() for text in texts]
    times = Counter(token for answer in answers for token in answer)
    return Verdict(
        kills=kills,
        written=len(tokens),
        turns=len(answers),
        lost=sum(times[token] == 0 for token in tokens),
        doubled=sum(times[token] > 1 for token in tokens),
        heard_twice=sum(heard[token] > 1 for token in tokens),
        thought_twice=sum(model.asked[token] > 1 for token in tokens),
        disordered=sum(_disorder(texts) for texts in shown.values()),
        left_over=sum(not text.endswith(END) for texts in shown.values() for text in texts),
        seconds=round(time.perf_counter() - began, 1),
    )


def _disorder(texts: Sequence[str]) -> int:
    """Count the tokens that came after a later one."""
    numbers = [int(token[1:]) for text in texts for token in TOKEN.findall(text)]
    return sum(number < max(numbers[:at]) for at, number in enumerate(numbers) if at)


async def heard_by_letta(url: str) -> Counter[str]:
    """Count how often each word stands in what the agents were told."""
    found: Counter[str] = Counter()
    async with AsyncLetta(base_url=url, api_key="none", max_retries=0) as client:
        async for agent in client.agents.list():
            for thread in await client.conversations.list(agent_id=agent.id):
                async for message in client.conversations.messages.list(thread.id, order="asc"):
                    if message.message_type == "user_message":
                        found.update(TOKEN.findall(str(message.content)))
    return found


def letta_options(folder: Path, model: Echo) -> EmbeddedOptions:
    """Return a Letta server with that model."""
    return EmbeddedOptions(
        database=folder / "letta.db",
        model=ModelOptions(base_url=model.url, api_key="none", name="echo"),
    )
