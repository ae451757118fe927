"""Several people use every web door at once: no word of one is ever seen by another.

A whole gateway, and agents that answer with every canary that they ever heard. Each person has a
canary of their own in all that they say, and tries whatever might show them that of another.
"""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import logging
import random
import re
import zipfile
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from websockets.asyncio.client import ClientConnection, connect

from adapters.web.sessions import COOKIE
from gateway.bootstrap import opened_gateway, premises
from gateway.settings import load_settings
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.ports import port_of_our_own
from tests.properties.test_isolation import everything_logged
from tests.properties.town import CANARY, canary
from tests.unit.agents.embedded.chat_endpoint import ChatEndpoint, delta, serving

PEOPLE = 4
ACTS = 10
"""Of each person."""
KEYS = ("k1", "k2", "k3")
"""Everybody chooses the same idempotency keys, and names for conversations."""
TALKS = (None, "trip", "work")
ROLES = ("postern", "muse")


class Parrot(ChatEndpoint):
    """A model that repeats every canary in what it is given, one after the other."""

    async def answer(self, request: Request) -> Response:
        """One chat completion."""
        words = sorted(set(CANARY.findall((await request.body()).decode())))
        chunks = [delta(content=f"I know {word}. ") for word in words or ["nothing"]]
        return StreamingResponse(self._stream(chunks), media_type="text/event-stream")


@dataclass
class Human:
    """Somebody with a browser, a program, and a stream open at each."""

    number: int
    browser: httpx.AsyncClient
    program: httpx.AsyncClient
    page: ClientConnection
    secrets: tuple[str, ...]
    seen: defaultdict[str, list[str]] = field(
        default_factory=lambda: defaultdict[str, list[str]](list)
    )
    """All that came to them, by the door."""
    files: list[str] = field(default_factory=list[str])
    """Where what an agent gave them is."""
    last_event: str = "0-0"
    reading: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])
    """The streams that they have open to the end."""

    @property
    def word(self) -> str:
        """What they alone may see."""
        return canary(self.number)

    @property
    def sentence(self) -> str:
        """What they say whenever they say something."""
        return f"Remember {self.word}, please."

    def see(self, door: str, response: httpx.Response) -> httpx.Response:
        self.seen[door] += [response.text, str(response.headers)]
        return response

    @asynccontextmanager
    async def present(self) -> AsyncGenerator[None]:
        """Look at what happens on the page and by events, until the context is left."""
        async with asyncio.TaskGroup() as tasks:
            self.keep = tasks.create_task
            self.reading += [self.keep(self.listen()), self.keep(self.follow(self.last_event))]
            yield
            for task in self.reading:
                task.cancel()

    async def follow(self, last_event: str) -> None:
        """Read the events behind this one."""
        headers = {"Last-Event-ID": last_event}
        async with self.program.stream("GET", "/events/postern", headers=headers) as stream:
            assert stream.status_code == 200
            async for line in stream.aiter_lines():
                self.seen["events"].append(line)
                if line.startswith("id: "):
                    self.last_event = line.removeprefix("id: ")

    async def listen(self) -> None:
        """Read what the page is told."""
        async for frame in self.page:
            self.seen["page"].append(str(frame))


Act = Callable[[Human], Awaitable[object]]


@dataclass
class Town:
    """Everybody, and what is drawn."""

    people: list[Human]
    dice: random.Random

    def draw(self) -> Act:
        return self.dice.choice(KNOWN)(self.dice, self.people)

    async def live(self) -> None:
        """Let everybody act at once, each one after the other of their own drawn acts."""
        drawn = [[self.draw() for _ in range(ACTS)] for _ in self.people]
        async with asyncio.TaskGroup() as tasks:
            for human, acts in zip(self.people, drawn, strict=True):
                tasks.create_task(_in_turn(human, [*acts, export, read_all]))
        for human, other in itertools.permutations(self.people, 2):
            await pry_into(other, human)

    def leaks(self) -> list[str]:
        """Return where a canary came that does not belong there."""
        return [
            f"{human.word} saw {word} by {door}"
            for human in self.people
            for door, texts in human.seen.items()
            for word in set(CANARY.findall("".join(texts))) - {human.word}
        ]


async def _in_turn(human: Human, acts: list[Act]) -> None:
    for act in acts:
        await act(human)


# -- what people do -----------------------------------------------------------------------------


def write(dice: random.Random, people: list[Human]) -> Act:
    name = f"page-{dice.randrange(5)}"

    async def act(human: Human) -> None:
        frame = {"type": "message", "id": name, "text": human.sentence}
        await human.page.send(json.dumps(frame))

    return act


def ask(dice: random.Random, people: list[Human]) -> Act:
    role, key = dice.choice(ROLES), dice.choice(KEYS)

    async def act(human: Human) -> None:
        body, headers = {"agent_id": role, "message": human.sentence}, {"Idempotency-Key": key}
        human.see("chat", await human.browser.post("/chat", json=body, headers=headers))

    return act


def complete(dice: random.Random, people: list[Human]) -> Act:
    role, talk, is_streamed = dice.choice(ROLES), dice.choice(TALKS), dice.random() < 0.5
    headers = {} if talk is None else {"X-Postern-Conversation": talk}
    headers |= {"Idempotency-Key": dice.choice(KEYS)} if dice.random() < 0.5 else {}

    async def act(human: Human) -> None:
        said = {"role": "user", "content": human.sentence}
        body = {"model": role, "messages": [said], "stream": is_streamed, "user": "everybody"}
        answer = await human.program.post("/v1/chat/completions", json=body, headers=headers)
        human.see("stream" if is_streamed else "completion", answer)

    return act


def read(dice: random.Random, people: list[Human]) -> Act:
    role, talk = dice.choice(ROLES), dice.choice(TALKS)
    query = "" if talk is None else f"?conversation={talk}"

    async def act(human: Human) -> None:
        client = human.browser if talk is None else human.program
        human.see("history", await client.get(f"/history/{role}{query}"))
        human.see("activity", await client.get(f"/activity/{role}"))

    return act


def command(dice: random.Random, people: list[Human]) -> Act:
    words = dice.choice(["/whoami", "/search remember", "/memory", "/status", "/token", "/new"])

    async def act(human: Human) -> None:
        body = {"agent_id": "postern", "message": words}
        human.see("command", await human.browser.post("/chat", json=body))

    return act


def pry(dice: random.Random, people: list[Human]) -> Act:
    other = dice.choice(people)
    return lambda human: pry_into(other, human)


async def pry_into(other: Human, human: Human) -> None:
    """Try the names, files and places that another has."""
    me = (await other.browser.get("/me")).json()
    for path in ("/history/postern", "/events/postern", "/activity/postern", "/agents"):
        answer = await human.program.get(f"{path}?user_id={me['user']}")
        assert human.see("prying", answer).status_code == 403
    for path in other.files if other is not human else ():
        for client in (human.browser, human.program):
            assert human.see("prying", await client.get(path)).status_code == 404
    assert human.see("prying", await human.browser.get("/pairings")).status_code == 403


def follow(dice: random.Random, people: list[Human]) -> Act:
    """Follow the own events from where another has read theirs."""
    other = dice.choice(people)

    async def act(human: Human) -> None:
        human.reading.append(human.keep(human.follow(other.last_event)))

    return act


async def export(human: Human) -> None:
    body = {"agent_id": "postern", "message": "/export"}
    human.see("export", await human.browser.post("/chat", json=body))
    page = human.see("history", await human.browser.get("/history/postern?limit=200")).json()
    human.files = [f"/{f['url']}" for each in page["messages"] for f in each.get("files", ())]
    for path in human.files:
        archive = (await human.browser.get(path)).raise_for_status()
        with zipfile.ZipFile(io.BytesIO(archive.content)) as inside:
            human.seen["export"] += [inside.read(name).decode() for name in inside.namelist()]


async def read_all(human: Human) -> None:
    """Say the last word, and read on until every stream has told what came of it."""
    await human.page.send(json.dumps({"type": "message", "id": "last", "text": "That was all."}))
    async with asyncio.timeout(PATIENCE_SECONDS):
        for door in ("page", "events"):
            while "That was all." not in "".join(human.seen[door]):  # noqa: ASYNC110 - of two readers
                await asyncio.sleep(0.02)


KNOWN = (write, write, ask, ask, complete, complete, complete, read, command, pry, follow)


# -- the story ----------------------------------------------------------------------------------


@asynccontextmanager
async def town(tmp_path: Path, seed: int) -> AsyncGenerator[Town]:
    """Open a gateway, and let everybody come to it."""
    parrot, port = Parrot(), port_of_our_own()
    url = f"http://127.0.0.1:{port}"
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving(parrot))
        file = tmp_path / "postern.toml"
        file.write_text(f'[model]\nbase_url = "{parrot.url}"\nname = "m"\n' + AGENTS)
        named = {"POSTERN_DATA_DIR": str(tmp_path / "data"), "POSTERN_HTTP__PORT": str(port)}
        settings = load_settings(named, file)
        listener = stack.enter_context(premises(settings))
        gateway = await stack.enter_async_context(opened_gateway(settings, listener))
        stop, running = asyncio.Event(), await stack.enter_async_context(asyncio.TaskGroup())
        running.create_task(gateway.run(stop))
        people = [await _arrival(stack, number, url) for number in range(PEOPLE)]
        async with AsyncExitStack() as streets:
            for human in people:
                await streets.enter_async_context(human.present())
            yield Town(people, random.Random(seed))
        stop.set()


AGENTS = """
[[agents]]
name = "postern"

[[agents]]
name = "muse"
"""


async def _arrival(stack: AsyncExitStack, number: int, url: str) -> Human:
    """Open the page, and get a token for a program."""
    browser, program = [
        await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS))
        for _ in range(2)
    ]
    (await browser.get("/")).raise_for_status()
    asked = {"agent_id": "postern", "message": "/token new x"}
    while (shown := await browser.post("/chat", json=asked)).status_code == 503:
        continue  # it starts
    found = re.search(r"is `([\w-]{22})`", shown.json()["messages"][0]["text"])
    assert found is not None
    token = (await program.post("/tokens", json={"code": found[1]})).json()["token"]
    program.headers["Authorization"] = f"Bearer {token}"
    cookie = browser.cookies[COOKIE]
    socket = f"ws{url.removeprefix('http')}/stream/postern"
    page = connect(socket, additional_headers={"Cookie": f"{COOKIE}={cookie}"}, proxy=None)
    opened = await stack.enter_async_context(page)
    return Human(number, browser, program, opened, (token, found[1], cookie))


@pytest.mark.parametrize("seed", range(2))
async def test_no_word_of_one_reaches_another_by_any_web_door(tmp_path: Path, seed: int) -> None:
    with everything_logged(logging.INFO) as logs:
        async with town(tmp_path, seed) as streets:
            await streets.live()
            leaks, people = streets.leaks(), streets.people

    assert leaks == []
    assert CANARY.findall(logs.getvalue()) == []
    assert [s for human in people for s in human.secrets if s in logs.getvalue()] == []
    # The story was one: people heard their own word by every door that could tell it.
    told = {door for each in people for door in each.seen if each.word in "".join(each.seen[door])}
    assert told >= {"page", "events", "chat", "history", "export", "completion", "stream"}
