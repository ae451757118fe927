"""The calls to Letta that we make, with answers that were looked at and errors that are ours.

letta-client builds its answers without checking them: an error page with status 200 becomes
an empty list. So the bodies are read here as they came, and an answer of the wrong shape is
a failure, never "there is none".
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Protocol

import httpx
from letta_client import APIError, AsyncLetta, omit
from letta_client.types.conversations.message_create_params import ClientTool, Message
from letta_client.types.create_block_param import CreateBlockParam

from agents.letta.faults import Json, StreamGarbled, is_json, is_list, translate
from agents.letta.sse import Frame, SseDecoder
from gateway.domain.ids import AgentId, RunId, SessionId

_PAGE = 100
_MOST_PAGES = 200
_DRAIN_SECONDS = 0.25
_NO_CONTENT = 204


class Answer(Protocol):
    """What letta-client's raw calls return, as far as it is needed here."""

    @property
    def status_code(self) -> int: ...

    async def read(self) -> bytes: ...


class _Stream(Protocol):
    """What letta-client's streaming calls open."""

    def iter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]: ...


class LettaApi:
    """Letta's REST API. Every method may raise RuntimeUnavailable or RunFailed."""

    def __init__(self, client: AsyncLetta) -> None:
        self._client = client

    # -- runs

    @asynccontextmanager
    async def send(
        self,
        thread: SessionId,
        messages: Sequence[Message],
        tools: Sequence[ClientTool],
        model: str | None = None,
    ) -> AsyncGenerator[AsyncIterator[Frame]]:
        """Start a background run, or hear again the one that these otids started.

        Letta looks for the handle of another model before it makes a run: 404 for an unknown one.
        """
        opening = self._client.conversations.messages.with_streaming_response.create(
            thread,
            messages=messages,
            client_tools=tools,
            stream_tokens=True,
            background=True,
            override_model=omit if model is None else model,
        )
        with _translated():
            async with opening as stream:
                yield _frames(stream)

    @asynccontextmanager
    async def listen(self, run: RunId, after: int) -> AsyncGenerator[AsyncIterator[Frame]]:
        """Hear a background run from behind this event on."""
        opening = self._client.runs.messages.with_streaming_response.stream(
            run, starting_after=after
        )
        with _translated():
            async with opening as stream:
                yield _frames(stream)

    async def run(self, run: RunId) -> Json:
        """Return the record of a run."""
        return read_object(await read_answer(self._client.runs.with_raw_response.retrieve(run)))

    async def run_messages(self, run: RunId) -> list[Json]:
        """Return all messages of a run, oldest first."""
        messages: list[Json] = []
        for _ in range(_MOST_PAGES):
            page = read_objects(
                await read_answer(
                    self._client.runs.messages.with_raw_response.list(
                        run, limit=_PAGE, order="asc", extra_query=_after(messages)
                    )
                )
            )
            if not page:
                break
            messages += page
        return messages

    # -- threads

    async def newest_messages(self, thread: SessionId) -> list[Json]:
        """Return the last few messages of a thread, in either order."""
        return read_objects(
            await read_answer(
                self._client.conversations.messages.with_raw_response.list(
                    thread, limit=10, order="desc"
                )
            )
        )

    async def cancel(self, thread: SessionId) -> None:
        """Stop what runs in a thread. Raises RuntimeUnavailable when nothing does (409)."""
        await read_answer(self._client.conversations.with_raw_response.cancel(thread))

    async def find_threads(self, agent: AgentId, summary: str) -> list[Json]:
        """Return the agent's threads whose summary contains this, newest first."""
        threads: list[Json] = []
        for _ in range(_MOST_PAGES):
            page = read_objects(
                await read_answer(
                    self._client.conversations.with_raw_response.list(
                        agent_id=agent,
                        summary_search=summary,
                        limit=_PAGE,
                        extra_query=_after(threads),
                    )
                )
            )
            threads += page
            if len(page) < _PAGE:
                break
        return threads

    async def create_thread(self, agent: AgentId, summary: str) -> Json:
        """Make a thread."""
        return read_object(
            await read_answer(
                self._client.conversations.with_raw_response.create(agent_id=agent, summary=summary)
            )
        )

    # -- agents

    async def find_agents(self, tags: Sequence[str]) -> list[Json]:
        """Return the agents that have all these tags, oldest first."""
        return read_objects(
            await read_answer(
                self._client.agents.with_raw_response.list(
                    tags=list(tags),
                    match_all_tags=True,
                    include=["agent.tags"],
                    order="asc",
                    order_by="created_at",
                    limit=50,
                )
            )
        )

    async def create_agent(
        self,
        *,
        name: str,
        tags: Sequence[str],
        metadata: dict[str, object],
        blocks: Sequence[CreateBlockParam],
        tools: Sequence[str],
        has_base_tools: bool,
        choices: dict[str, str],
    ) -> Json:
        """Make an agent; `choices` are the settings that the server has its own defaults for.

        Without a word about parallel calls, Letta 0.16.8 drops all but the first of a step.
        """
        return read_object(
            await read_answer(
                self._client.agents.with_raw_response.create(
                    name=name,
                    agent_type="letta_v1_agent",
                    tags=list(tags),
                    metadata=metadata,
                    memory_blocks=blocks,
                    tools=list(tools),
                    include_base_tools=has_base_tools,
                    extra_body={**choices, "parallel_tool_calls": True},
                )
            )
        )

    async def delete_block(self, block: str) -> None:
        """Delete a block, for all agents that have it."""
        await read_answer(self._client.blocks.with_raw_response.delete(block))

    async def agents_with(self, block: str) -> list[Json]:
        """Return the agents that have a block, or two of them when there are more."""
        found = self._client.blocks.agents.with_raw_response.list(block, limit=2)
        return read_objects(await read_answer(found))

    async def delete_agent(self, agent: AgentId) -> None:
        """Delete an agent with its threads."""
        await read_answer(self._client.agents.with_raw_response.delete(agent))

    async def archives(self, agent: AgentId) -> list[Json]:
        """Return where an agent puts things away."""
        found = self._client.archives.with_raw_response.list(agent_id=agent, limit=_PAGE)
        return read_objects(await read_answer(found))

    async def agents_with_archive(self, archive: str) -> list[Json]:
        """Return the agents that have an archive; letta-client has no method for it."""
        with _translated():
            found = await self._client.get(f"/v1/archives/{archive}/agents", cast_to=object)
        return read_objects(found)

    async def delete_archive(self, archive: str) -> None:
        """Delete an archive with what is in it, for all agents that have it."""
        await read_answer(self._client.archives.with_raw_response.delete(archive))

    async def blocks(self, agent: AgentId) -> list[Json]:
        """Return the core memory of an agent."""
        return read_objects(
            await read_answer(self._client.agents.blocks.with_raw_response.list(agent, limit=_PAGE))
        )

    async def write_block(self, block: str, value: str) -> None:
        """Replace the value of a block, for all agents that have it."""
        await read_answer(self._client.blocks.with_raw_response.update(block, value=value))

    async def health(self) -> Json:
        """Ask the server how it is."""
        return read_object(await read_answer(self._client.with_raw_response.health()))


def _after(items: Sequence[Json]) -> dict[str, object]:
    """Return the cursor behind what is known already."""
    return {"after": str(items[-1].get("id"))} if items else {}


async def read_answer(call: Awaitable[Answer]) -> object:
    """Return the body of an answer; raises StreamGarbled when it is not JSON.

    None for "done, and nothing to tell" (204), which is how Letta deletes files and archives.
    """
    with _translated():
        answer = await call
        content = await answer.read()
    if answer.status_code == _NO_CONTENT:
        return None
    try:
        return json.loads(content)
    except ValueError:
        raise StreamGarbled("Letta's answer is not JSON.") from None


def read_object(body: object) -> Json:
    """Return the body as the object that was asked for; raises StreamGarbled."""
    if is_json(body):
        return body
    raise StreamGarbled("Letta's answer is not the object that was asked for.")


def read_objects(body: object) -> list[Json]:
    """Return the body as the list that was asked for; raises StreamGarbled."""
    if is_list(body):
        return [read_object(item) for item in body]
    raise StreamGarbled("Letta's answer is not the list that was asked for.")


async def _frames(stream: _Stream) -> AsyncIterator[Frame]:
    """Yield the frames of a stream, and read it to its very end."""
    decoder = SseDecoder()
    chunks = stream.iter_bytes()
    async for chunk in chunks:
        for frame in decoder.feed(chunk):
            yield frame
            if frame.is_done:
                await _drain(chunks)
                return


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """Read what is behind the end: only then can the connection be used again."""
    with suppress(TimeoutError, httpx.HTTPError, httpx.StreamError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for _ in chunks:
                pass


@contextmanager
def _translated() -> Generator[None]:
    """Turn the errors of letta-client and httpx into ours."""
    try:
        yield
    except (APIError, httpx.HTTPError, httpx.StreamError) as error:
        raise translate(error) from error
