"""Conversations longer than the model's window: nothing overflows and nothing is lost."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from letta_client import AsyncLetta
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from agents.embedded import EmbeddedOptions, ModelOptions
from tests.contracts.letta_api.conftest import connected
from tests.contracts.letta_api.heard import say
from tests.unit.agents.embedded.chat_endpoint import ChatEndpoint, delta, serving, usage

pytestmark = pytest.mark.asyncio(loop_scope="module")

TURNS = 200
WINDOW = 2500


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> EmbeddedOptions:
    """A server whose offline model sees very little."""
    database = tmp_path_factory.mktemp("long") / "letta.db"
    return EmbeddedOptions(
        database, token="t", scripted=True, word_delay_seconds=0, context_window=WINDOW
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def long_talk(client: AsyncLetta) -> tuple[str, str]:
    """An agent without blocks, and its thread in which much was said after one fact."""
    agent = await client.agents.create(name="forgetful")
    thread = (await client.conversations.create(agent_id=agent.id)).id
    await say(client, thread, "Hello there. Remember that the door code is 4711.")
    for n in range(TURNS):
        await say(client, thread, f"say This is answer number {n} and a few words more.")
    return agent.id, thread


async def test_every_message_is_still_listed(
    client: AsyncLetta, long_talk: tuple[str, str]
) -> None:
    listing = client.conversations.messages.list(long_talk[1], limit=100, order="asc")

    kinds = [item.message_type async for item in listing]

    assert kinds == ["user_message", "assistant_message"] * (TURNS + 1)


async def test_an_early_fact_is_known_through_the_summary(
    client: AsyncLetta, long_talk: tuple[str, str]
) -> None:
    heard = await say(client, long_talk[1], "What do you know about me?")

    assert "the door code is 4711" in heard.text
    assert "and a few words more" in heard.text


async def test_an_early_message_is_found_by_its_words(
    client: AsyncLetta, long_talk: tuple[str, str]
) -> None:
    heard = await say(client, long_talk[1], "What did I tell you about doors and codes?")

    assert "Remember that the door code is 4711." in heard.text


async def test_reset_forgets_the_summary_too(client: AsyncLetta) -> None:
    agent = await client.agents.create(name="reset")
    await client.agents.messages.create(agent.id, input="remember that I like tea")
    for n in range(30):
        await client.agents.messages.create(agent.id, input=f"say {n} {'word ' * 20}")
    await client.agents.messages.reset(agent.id, add_default_initial_messages=False)

    again = await client.agents.messages.create(agent.id, input="what do you know about me?")

    assert "I know nothing about you yet" in str(again.messages[-1].to_dict()["content"])


async def test_compaction_can_be_asked_for(client: AsyncLetta) -> None:
    agent = await client.agents.create(name="compact")
    await client.agents.messages.create(agent.id, input="remember that I like tea")
    await client.agents.messages.create(agent.id, input="say two")

    outcome = await client.agents.messages.compact(agent.id)
    again = await client.agents.messages.compact(agent.id)

    assert outcome.num_messages_before > outcome.num_messages_after == 3
    assert again.summary == outcome.summary
    assert "I like tea" in outcome.summary
    assert len((await client.agents.messages.list(agent.id)).items) == 4


class SummingEndpoint(ChatEndpoint):
    """A model that says "ok", writes summaries, and refuses what is over its window."""

    def __init__(self, window_bytes: int) -> None:
        super().__init__()
        self._window_bytes = window_bytes
        self.summaries = 0
        self.refusals = 0

    async def answer(self, request: Request) -> Response:
        """A summary keeps the lines with FACT in them."""
        asked: dict[str, Any] = await request.json()
        if len(json.dumps(asked)) > self._window_bytes:
            self.refusals += 1
            error = {"message": "This model's maximum context length is …", "type": "x"}
            return JSONResponse({"error": error}, 400)
        said = "ok"
        if asked["messages"][0]["content"].startswith("You keep the memory"):
            self.summaries += 1
            lines = str(asked["messages"][1]["content"]).splitlines()
            said = "\n".join(line for line in lines if "FACT" in line)
        self.answers.append([delta(content=said), usage(1000, 10)])
        return await super().answer(request)

    def last_request(self) -> list[dict[str, Any]]:
        """The messages of the newest request."""
        messages: list[dict[str, Any]] = self.requests[-1]["messages"]
        return messages


@pytest_asyncio.fixture(loop_scope="module")
async def endpoint() -> AsyncGenerator[SummingEndpoint]:
    """One that holds 9000 bytes."""
    endpoint = SummingEndpoint(9000)
    async with serving(endpoint):
        yield endpoint


def _with_model(folder: Path, endpoint: ChatEndpoint, window: int) -> EmbeddedOptions:
    model = ModelOptions("m", base_url=endpoint.url, context_window=window)
    return EmbeddedOptions(folder / "letta.db", model=model)


async def test_a_model_writes_the_summary_and_finds_it_before_the_messages(
    tmp_path: Path, endpoint: SummingEndpoint
) -> None:
    async with connected(_with_model(tmp_path, endpoint, WINDOW)) as client:
        agent = await client.agents.create(name="a")
        thread = (await client.conversations.create(agent_id=agent.id)).id
        await say(client, thread, "FACT the cat is called Mimi")
        for n in range(60):
            await say(client, thread, f"turn {n}: {'lorem ipsum ' * 5}")

    first = endpoint.last_request()[1]
    assert endpoint.summaries > 1
    assert endpoint.refusals == 0
    assert (first["role"], "Mimi" in first["content"]) == ("user", True)
    assert "turn 59" in endpoint.last_request()[-1]["content"]


async def test_the_turn_that_needs_a_summary_pays_for_it(
    tmp_path: Path, endpoint: SummingEndpoint
) -> None:
    async with connected(_with_model(tmp_path, endpoint, WINDOW)) as client:
        agent = await client.agents.create(name="a")
        thread = (await client.conversations.create(agent_id=agent.id)).id
        used = [
            (await say(client, thread, f"FACT {n}: {'lorem ipsum ' * 5}")).usage["prompt_tokens"]
            for n in range(60)
        ]

    assert endpoint.summaries > 0
    assert sum(used) == 1000 * len(endpoint.requests)
    assert used[0] == 1000
    assert max(used) > 1000


async def test_an_endpoint_that_holds_less_than_it_is_told_is_given_less(
    tmp_path: Path, endpoint: SummingEndpoint
) -> None:
    async with connected(_with_model(tmp_path, endpoint, 100_000)) as client:
        agent = await client.agents.create(name="a")
        thread = (await client.conversations.create(agent_id=agent.id)).id
        heard = [await say(client, thread, f"turn {n}: {'lorem ipsum ' * 40}") for n in range(20)]

    assert endpoint.refusals > 0
    assert {one.text for one in heard} == {"ok"}


async def test_one_message_larger_than_the_window_is_shown_in_part(
    tmp_path: Path, endpoint: SummingEndpoint
) -> None:
    async with connected(_with_model(tmp_path, endpoint, WINDOW)) as client:
        agent = await client.agents.create(name="a")
        thread = (await client.conversations.create(agent_id=agent.id)).id

        heard = await say(client, thread, f"begin {'x' * 100_000} end")
        listed = await client.conversations.messages.list(thread, order="asc")

    shown = endpoint.last_request()[-1]["content"]
    assert heard.text == "ok"
    assert shown.startswith("begin ")
    assert "bytes left out" in shown
    assert shown.endswith(" end")
    assert len(str(listed.items[0].to_dict()["content"])) > 100_000
