"""A model that answers nonsense: the agent is told where that helps, else the person."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from letta_client import AsyncLetta

from agents.embedded import EmbeddedOptions, ModelOptions
from tests.contracts.letta_api.conftest import connected
from tests.contracts.letta_api.heard import say
from tests.unit.agents.embedded.chat_endpoint import ChatEndpoint, Chunk, delta, serving


@dataclass
class Place:
    """A thread of an agent that thinks with an endpoint."""

    client: AsyncLetta
    endpoint: ChatEndpoint
    thread: str


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncGenerator[tuple[AsyncLetta, ChatEndpoint]]:
    endpoint = ChatEndpoint()
    async with serving(endpoint):
        model = ModelOptions("m", base_url=endpoint.url)
        database = tmp_path_factory.mktemp("bad") / "letta.db"
        async with connected(EmbeddedOptions(database, token="t", model=model)) as client:
            yield client, endpoint


@pytest_asyncio.fixture(loop_scope="module")
async def place(server: tuple[AsyncLetta, ChatEndpoint]) -> Place:
    client, endpoint = server
    endpoint.requests.clear()
    agent = await client.agents.create(name="ada", memory_blocks=[{"label": "human", "value": ""}])
    thread = (await client.conversations.create(agent_id=agent.id)).id
    return Place(client, endpoint, thread)


def calls(name: str, arguments: str) -> Chunk:
    """A reply that calls a tool."""
    function = {"name": name, "arguments": arguments}
    return delta(tool_calls=[{"index": 0, "id": "c1", "type": "function", "function": function}])


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("launch_rocket", "{}", "launch_rocket"),
        ("memory_insert", '{"label": "human", ', "JSON"),
        ("memory_insert", '["human"]', "object"),
        ("memory_insert", '{"label": "human"}', "new_string"),
        ("memory_insert", '{"label": "nobody", "new_string": "x"}', "nobody"),
        ("memory_insert", '{"label": 7, "new_string": "x"}', "label"),
        ("archival_memory_search", '{"query": "x", "top_k": "many"}', "top_k"),
    ],
)
async def test_a_call_that_can_not_be_made_is_an_answer_that_the_model_reads(
    place: Place, name: str, arguments: str, told: str
) -> None:
    place.endpoint.answers = [[calls(name, arguments)], [delta(content="I see.")]]

    heard = await say(place.client, place.thread, "do it")

    answer = place.endpoint.requests[1]["messages"][-1]
    assert (answer["role"], told in answer["content"]) == ("tool", True)
    assert (heard.text, heard.stop_reason) == ("I see.", "end_turn")


async def test_an_answer_that_is_cut_off_is_an_error_and_the_next_one_is_heard(
    place: Place,
) -> None:
    place.endpoint.answers = [[delta(content="Half a")]]
    place.endpoint.ends_properly = False
    cut = await say(place.client, place.thread, "hello")
    place.endpoint.answers = [[delta(content="Whole.")]]
    place.endpoint.ends_properly = True

    heard = await say(place.client, place.thread, "again")

    assert cut.error["error_type"] == "llm_error"
    assert heard.text == "Whole."


@pytest.mark.parametrize(
    "rubbish",
    [
        {"choices": "none"},
        {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0}]}}]},
        {"choices": [{"index": 0, "delta": None}]},
        {"choices": None},
        {"choices": [{"index": 0, "delta": {"content": {"text": "hi"}}}]},
        {"choices": [{"index": 0, "delta": {"content": 7}}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": "a", "function": 1}]}}]},
        {"choices": [{"index": 0, "delta": {"content": "hi"}}], "usage": "much"},
        {"hello": "world"},
        {},
    ],
)
async def test_rubbish_from_the_model_is_an_error_event_and_blocks_nothing(
    place: Place, rubbish: Chunk
) -> None:
    place.endpoint.answers = [[rubbish]]
    failed = await say(place.client, place.thread, "hello")
    place.endpoint.answers = [[delta(content="Back.")]]

    heard = await say(place.client, place.thread, "again")

    assert failed.error["error_type"].startswith("llm_")
    assert heard.text == "Back."
