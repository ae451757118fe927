"""Memory and files that are found by what they mean, and by their words when nothing else helps."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from letta_client import APIStatusError, AsyncLetta

from agents.embedded import EmbeddedOptions, ModelOptions
from agents.embedded.server import serve
from tests.contracts.letta_api.heard import say
from tests.unit.agents.embedded.chat_endpoint import ChatEndpoint, serving

FACTS = ("My puppy is called Rex", "We sail a small ship", "Ada bakes on Sundays")


@dataclass
class Place:
    """A server that embeds, the endpoint behind it, and an agent in it."""

    client: AsyncLetta
    endpoint: ChatEndpoint
    agent: str
    thread: str

    async def found(self, query: str, limit: int = 1) -> list[str]:
        answer = await self.client.agents.passages.search(self.agent, query=query, top_k=limit)
        return [result.content for result in answer.results]

    async def remember(self, *texts: str) -> None:
        for text in texts:
            await self.client.agents.passages.create(self.agent, text=text)


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncGenerator[ChatEndpoint]:
    endpoint = ChatEndpoint()
    async with serving(endpoint):
        yield endpoint


@pytest.fixture
def endpoint(shared: ChatEndpoint) -> ChatEndpoint:
    shared.embedded.clear()
    shared.is_embedding_away, shared.vector_size = False, 4
    return shared


@contextlib.asynccontextmanager
async def client_of(
    endpoint: ChatEndpoint, database: Path, embedding: str
) -> AsyncGenerator[AsyncLetta]:
    model = ModelOptions("m", base_url=endpoint.url)
    options = EmbeddedOptions(database, model=model, embedding=embedding, scripted=True)
    async with (
        serve(options) as url,
        AsyncLetta(base_url=url, api_key="none", max_retries=0) as client,
    ):
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(
    shared: ChatEndpoint, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[AsyncLetta]:
    database = tmp_path_factory.mktemp("meaning") / "letta.db"
    async with client_of(shared, database, "meaning") as client:
        yield client


@pytest_asyncio.fixture(loop_scope="module")
async def place(client: AsyncLetta, endpoint: ChatEndpoint) -> Place:
    agent = (await client.agents.create(name="ada")).id
    thread = (await client.conversations.create(agent_id=agent)).id
    return Place(client, endpoint, agent, thread)


async def test_an_entry_is_found_by_its_meaning_without_a_common_word(place: Place) -> None:
    await place.remember(*FACTS)

    assert await place.found("which dog barks") == ["My puppy is called Rex"]
    assert await place.found("harbour boats") == ["We sail a small ship"]


async def test_words_still_count_where_meanings_do_not_help(place: Place) -> None:
    await place.remember(*FACTS, "Invoice 4711 is paid")

    assert await place.found("4711") == ["Invoice 4711 is paid"]


async def test_what_fits_by_word_and_meaning_comes_first(place: Place) -> None:
    await place.remember("A hound", "My puppy is called Rex", "Rex was a king")

    assert (await place.found("puppy dog Rex", 3))[0] == "My puppy is called Rex"


async def test_the_agent_searches_its_memory_by_meaning(place: Place) -> None:
    call = 'call archival_memory_insert {"content":"My puppy is called Rex"}'
    await say(place.client, place.thread, call)

    told = await say(place.client, place.thread, 'call archival_memory_search {"query":"dog"}')

    assert "Rex" in told.text


async def test_the_agent_searches_its_files_by_meaning(place: Place) -> None:
    folder = await place.client.folders.create(name="docs")
    file = ("guide.md", b"The harbour opens at dawn.", "text/markdown")
    await place.client.folders.files.upload(folder.id, file=file)
    await place.client.agents.folders.attach(folder.id, agent_id=place.agent)

    call = 'call semantic_search_files {"query":"boats"}'
    told = await say(place.client, place.thread, call)

    assert "opens at dawn" in told.text


async def test_nothing_is_embedded_twice(place: Place) -> None:
    await place.remember(*FACTS)

    await place.found("dog")
    await place.found("dog")

    assert sorted(place.endpoint.embedded) == sorted([*FACTS, "dog", "dog"])


async def test_while_the_endpoint_is_away_words_are_searched_and_the_agent_is_told(
    place: Place,
) -> None:
    place.endpoint.is_embedding_away = True
    await place.remember(*FACTS)

    told = await say(place.client, place.thread, 'call archival_memory_search {"query":"Rex"}')

    assert await place.found("Rex") == ["My puppy is called Rex"]
    assert "My puppy is called Rex" in told.text
    assert "searched by its words only" in told.text


async def test_what_was_stored_meanwhile_is_found_by_meaning_when_it_is_back(place: Place) -> None:
    place.endpoint.is_embedding_away = True
    await place.remember(*FACTS)
    await place.found("dog")
    place.endpoint.is_embedding_away = False

    assert await place.found("dog") == ["My puppy is called Rex"]


async def test_vectors_of_another_size_are_refused_with_both_sizes(place: Place) -> None:
    await place.remember(*FACTS)
    await place.found("dog")
    place.endpoint.vector_size = 2

    with pytest.raises(APIStatusError) as caught:
        await place.found("dog")
    told = await say(place.client, place.thread, 'call archival_memory_search {"query":"dog"}')

    assert caught.value.status_code == 502
    assert "now gives 2 numbers for a text, and what is stored has 4" in str(caught.value)
    assert "now gives 2 numbers" in told.text


async def test_empty_vectors_are_refused(place: Place) -> None:
    place.endpoint.vector_size = 0

    with pytest.raises(APIStatusError, match="vectors of the sizes"):
        await place.found("dog")


async def test_another_model_embeds_everything_anew(endpoint: ChatEndpoint, tmp_path: Path) -> None:
    database = tmp_path / "letta.db"
    async with client_of(endpoint, database, "meaning") as client:
        agent = (await client.agents.create(name="ada")).id
        await client.agents.passages.create(agent, text=FACTS[0])
        await client.agents.passages.search(agent, query="dog")
    endpoint.vector_size = 3

    async with client_of(endpoint, database, "another") as client:
        answer = await client.agents.passages.search(agent, query="dog")

    assert [result.content for result in answer.results] == [FACTS[0]]
    assert endpoint.embedded.count(FACTS[0]) == 2


async def test_a_removed_entry_is_not_found_by_its_meaning(place: Place) -> None:
    await place.remember(*FACTS)
    await place.found("dog")
    entries = await place.client.agents.passages.list(place.agent, search="Rex")

    await place.client.agents.passages.delete(str(entries[0].id), agent_id=place.agent)

    assert await place.found("dog") == []


async def test_the_embedding_model_is_listed(place: Place) -> None:
    models = await place.client.models.embeddings.list()

    assert [model.handle for model in models] == ["openai/meaning"]
