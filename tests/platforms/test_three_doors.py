"""One person on Discord, on Slack and on the web page: three doors, one agent, one memory.

The whole gateway as `postern up` makes it, with the embedded server behind it and the real
clients of both platforms before it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from gateway.bootstrap import opened_gateway, opened_store, premises
from gateway.domain.people import AgentBinding
from gateway.settings import Settings, load_settings
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.ports import port_of_our_own
from tests.platforms.discord_server import DiscordServer
from tests.platforms.slack_server import SlackServer
from tests.unit.agents.embedded.chat_endpoint import ChatEndpoint, delta, serving


@dataclass
class House:
    """A gateway, and somebody at each of its doors."""

    settings: Settings
    discord: DiscordServer
    slack: SlackServer
    web: httpx.AsyncClient
    name: str = "ada"

    def __post_init__(self) -> None:
        """Let them have an account on both platforms."""
        self._on_discord = self.discord.person(self.name)
        self._on_slack = self.slack.person(self.name)

    async def on_discord(self, text: str) -> str:
        """Write there; returns what comes back."""
        channel = self._on_discord.dm_channel
        before = len(self.discord.said_by_bot(channel))
        self._on_discord.dm(text)
        await self.discord.until(lambda: len(self.discord.said_by_bot(channel)) > before)
        await self._settled()
        return self.discord.visible(channel)[-1]

    async def on_slack(self, text: str) -> str:
        """Write there; returns what comes back."""
        channel = self._on_slack.dm_channel
        before = len(self.slack.said_by_app(channel))
        self._on_slack.dm(text)
        await self.slack.until(lambda: len(self.slack.said_by_app(channel)) > before)
        await self._settled()
        return self.slack.visible(channel)[-1]

    async def on_the_web(self, text: str) -> str:
        """Write there; returns what comes back."""
        asked = {"agent_id": "postern", "message": text}
        answer = (await self.web.post("/chat", json=asked)).raise_for_status()
        return "\n".join(message["text"] for message in answer.json()["messages"])

    async def _settled(self) -> None:
        """Wait until what grows is whole."""
        while not await self._is_idle():  # noqa: ASYNC110 - only asking tells
            await asyncio.sleep(0.02)

    async def _is_idle(self) -> bool:
        metrics = (await self.web.get("/metrics")).text
        nothing = ("postern_turns_running 0.0", "postern_deliveries_open 0.0")
        return all(line in metrics for line in nothing)


@asynccontextmanager
async def house(tmp_path: Path, text: str = "") -> AsyncGenerator[House]:
    file = tmp_path / "postern.toml"
    file.write_text(text)
    port = port_of_our_own()
    url = f"http://127.0.0.1:{port}"
    async with DiscordServer() as discord, SlackServer() as slack:
        slack.events_url = f"{url}/slack/events"
        settings = load_settings(
            {
                "POSTERN_DATA_DIR": str(tmp_path / "data"),
                "POSTERN_HTTP__PORT": str(port),
                "DISCORD_TOKEN": discord.token,
                "POSTERN_DISCORD__API_URL": discord.api_url,
                "POSTERN_DISCORD__GATEWAY_URL": discord.gateway_url,
                "POSTERN_ACCESS__DISCORD": "open",
                "SLACK_BOT_TOKEN": slack.bot_token(),
                "SLACK_SIGNING_SECRET": slack.app.signing_secret,
                "POSTERN_SLACK__API_URL": slack.api_url,
                "POSTERN_ACCESS__SLACK": "open",
                "POSTERN_MODEL__WORD_SECONDS": "0",
            },
            file,
        )
        stop = asyncio.Event()
        with premises(settings) as listener:
            async with (
                opened_gateway(settings, listener) as gateway,
                httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS) as web,
                asyncio.TaskGroup() as group,
            ):
                group.create_task(gateway.run(stop))
                await discord.connected()
                (await web.get("/")).raise_for_status()
                yield House(settings, discord, slack, web)
                stop.set()


NIGHT = """
[[agents]]
name = "postern"
tools = ["current_time"]
shared_blocks = [{ label = "current_state" }]

[[agents]]
name = "scribe"
tools = ["change_shared_memory"]
shared_blocks = [{ label = "current_state" }]

[[groups]]
name = "night"
strategy = "sleeptime"
members = ["scribe"]
watches = "postern"
every = 2
"""


async def bindings(settings: Settings) -> list[AgentBinding]:
    async with opened_store(settings) as store:
        return await store.people.bindings()


def code_in(text: str) -> str:
    found = re.search(r"\*+(\w{8})\*+", text)
    assert found is not None, text
    return found[1]


async def test_one_person_has_one_memory_behind_three_doors(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.on_discord("My name is Ada.")
        await home.on_slack(f"/link {code_in(await home.on_discord('/link'))}")
        await home.on_the_web(f"/link {code_in(await home.on_slack('/link'))}")

        by_slack = await home.on_slack("What is my name?")
        by_web = await home.on_the_web("What is my name?")
        await home.on_the_web("Remember that my cat is Minka.")
        by_discord = await home.on_discord("What do you know about me?")

    assert "Your name is **Ada**." in by_slack
    assert "Your name is **Ada**." in by_web
    assert "Minka" in by_discord
    (binding,) = await bindings(home.settings)
    assert binding.role == "postern"


async def test_a_model_is_chosen_by_every_door_and_counts_for_its_person_alone(
    tmp_path: Path,
) -> None:
    endpoint = ChatEndpoint()
    endpoint.answers = [[delta(content=f"answer {number}")] for number in range(4)]
    async with serving(endpoint):
        text = CHOICE.format(url=endpoint.url)
        async with house(tmp_path, text) as home:
            chosen = [
                await home.on_discord("/model middle"),
                await home.on_slack("/model large"),
                await home.on_the_web("/model openai-proxy/huge"),
            ]
            said = [await home.on_discord("a"), await home.on_slack("b")]
            said.append(await home.on_the_web("c"))
            await home.on_discord("/model default")
            said.append(await home.on_discord("d"))

    assert [re.findall(r"openai-proxy/\w+", answer) for answer in chosen] == [
        ["openai-proxy/middle"],
        ["openai-proxy/large"],
        ["openai-proxy/huge"],
    ]
    assert said == [f"answer {number}" for number in range(4)]
    assert [each["model"] for each in endpoint.requests] == ["middle", "large", "huge", "own"]


CHOICE = """
[letta]
models = ["openai-proxy/middle", "openai-proxy/large", "openai-proxy/huge"]

[model]
base_url = "{url}"
name = "own"
"""


async def test_an_earlier_conversation_is_gone_back_to_by_every_door(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        for say in (home.on_discord, home.on_slack, home.on_the_web):
            await say("Let us talk about bread.")
            began = await say("/new")
            await say("Let us talk about quarks.")
            listed = await say("/sessions")
            back = await say("/sessions 1")

            assert began.startswith("This is a new conversation.")
            assert re.search(r"2: .* UTC: Let us talk about quarks\. \(this one\)", listed)
            assert re.search(r"1: .* UTC: Let us talk about bread\.", listed)
            assert back.startswith("You are back in conversation 1")

    assert threads_in(tmp_path / "data" / "letta.db") == 6


async def test_the_last_question_is_asked_again_by_every_door(tmp_path: Path) -> None:
    endpoint = ChatEndpoint()
    endpoint.answers = [[delta(content=f"answer {number}")] for number in range(6)]
    answers: list[str] = []
    async with serving(endpoint):
        text = f'[model]\nbase_url = "{endpoint.url}"\n'
        async with house(tmp_path, text) as home:
            for say in (home.on_discord, home.on_slack, home.on_the_web):
                answers += [await say("What is six times seven?"), await say("/retry")]

    assert [answer.replace("*", "") for answer in answers] == [
        "answer 0",
        "Again: answer 1",
        "answer 2",
        "Again: answer 3",
        "answer 4",
        "Again: answer 5",
    ]
    asked = [str(request["messages"][-1]["content"]) for request in endpoint.requests]
    assert all("What is six times seven?" in words for words in asked)
    assert ["asked again" in words for words in asked] == [False, True] * 3


async def test_a_pause_begins_a_new_conversation_by_every_door(tmp_path: Path) -> None:
    async with house(tmp_path, "[sessions]\ndm_idle_hours = 1e-9\n") as home:
        for say in (home.on_discord, home.on_slack, home.on_the_web):
            await say("My name is Ada.")
            assert "Ada" in await say("What do you know about me?")

    assert threads_in(tmp_path / "data" / "letta.db") == 6


def threads_in(database: Path) -> int:
    """Return how many threads the server has made for places."""
    with contextlib.closing(sqlite3.connect(database)) as letta:
        ((count,),) = letta.execute("SELECT count(*) FROM conversations WHERE summary <> ''")
    return int(count)


async def test_what_an_agent_keeps_has_no_word_of_another_person(tmp_path: Path) -> None:
    async with house(tmp_path) as home, AsyncExitStack() as browsers:
        people: list[House] = []
        for number in range(5):
            browser = httpx.AsyncClient(base_url=home.web.base_url, timeout=PATIENCE_SECONDS)
            web = await browsers.enter_async_context(browser)
            (await web.get("/")).raise_for_status()
            people.append(House(home.settings, home.discord, home.slack, web, f"guest{number}"))
        await asyncio.gather(*(tells_a_canary(guest) for guest in people))

    kept = kept_by_agent(tmp_path / "data" / "letta.db")
    words = [set(re.findall(r"canary\w+", text)) for text in kept.values()]
    assert sorted(word for found in words for word in found) == sorted(
        f"canary{door}guest{number}" for door in ("discord", "slack", "web") for number in range(5)
    )
    assert all(len(found) == 1 for found in words)


async def tells_a_canary(guest: House) -> None:
    """Have each of the three agents, which are not linked here, keep a word of its own in mind."""
    await guest.on_discord(f"Remember that my word is canarydiscord{guest.name}.")
    await guest.on_slack(f"Remember that my word is canaryslack{guest.name}.")
    await guest.on_the_web(f"Remember that my word is canaryweb{guest.name}.")
    await guest.on_discord("What do you know about me?")


def kept_by_agent(database: Path) -> dict[str, str]:
    """Return all that the server keeps of each agent: blocks, messages, passages and runs."""
    kept: defaultdict[str, str] = defaultdict(str)
    with contextlib.closing(sqlite3.connect(database)) as letta:
        for query in (
            "SELECT agent_id, value FROM blocks JOIN agent_blocks ON block_id = id",
            "SELECT agent_id, body FROM messages",
            "SELECT agent_id, text FROM passages",
            "SELECT agent_id, request FROM runs",
        ):
            for agent, text in letta.execute(query):
                kept[agent] += f"{text}\n"
    return dict(kept)


async def test_what_is_told_at_one_door_is_tended_and_known_at_another(tmp_path: Path) -> None:
    note = 'call change_shared_memory {"label": "current_state", "new": "Ada is in Rome."}'
    async with house(tmp_path, NIGHT) as home:
        await home.on_slack("Hello.")
        await home.on_slack(f"I am off.\n{note}")
        await home.on_discord(f"/link {code_in(await home.on_slack('/link'))}")
        said = await home.on_discord("/memory current_state")
        while "Ada is in Rome." not in said:
            await asyncio.sleep(0.1)
            said = await home.on_discord("/memory current_state")
        on_slack = home.slack.said_by_app(home.slack.person("ada").dm_channel)

    # Two answers, the code, and who has typed it: nothing of the one that tends.
    assert len(on_slack) == 4
    assert sorted(each.role for each in await bindings(home.settings)) == [
        "#current_state",
        "postern",
        "scribe",
    ]
