"""The MCP servers, asked over loopback by the protocol's own client library."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx2
import pytest
from mcp import ClientSession, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.types import TextContent

from gateway.http import create_server, listen
from tests.unit.adapters.api.test_mcp import ADA, House


@asynccontextmanager
async def served(house: House) -> AsyncGenerator[str]:
    """Serve the gateway's routes while turns run; yields the address."""
    server = create_server(house.plugged.app)
    with listen("127.0.0.1", 0) as listener:
        async with house.open(), asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve(sockets=[listener]))
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            server.ask_to_stop()


@asynccontextmanager
async def session(url: str, token: str) -> AsyncGenerator[ClientSession]:
    """Connect as any client of the protocol does."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        streamable_http_client(url, http_client=http) as (incoming, outgoing),
        ClientSession(incoming, outgoing) as client,
    ):
        yield client


@asynccontextmanager
async def connected(server: str) -> AsyncGenerator[ClientSession]:
    """Serve, and greet the server of this name as Ada's agent."""
    house = House()
    await house.has(ADA, "coach")
    token = await house.token(ADA, "coach")
    async with served(house) as url, session(f"{url}/mcp/{server}", token) as client:
        await client.initialize()
        yield client


async def _say(client: ClientSession, tool: str, **arguments: str) -> tuple[bool, str]:
    result = await client.call_tool(tool, arguments)
    (content,) = result.content
    assert isinstance(content, TextContent)
    return not result.is_error, content.text


@pytest.mark.parametrize("server", ["filesystem", "web", "code", "agents"])
async def test_the_client_is_greeted_by_every_server(server: str) -> None:
    async with connected(server) as client:
        await client.send_ping()
        listed = await client.list_tools()

    assert client.server_info is not None
    assert client.server_info.name == f"postern-{server}"
    assert listed.tools


async def test_the_client_keeps_a_file_and_reads_it_again() -> None:
    async with connected("filesystem") as client:
        kept = await _say(client, "write_file", path="notes.txt", content="tea at five")
        read = await _say(client, "read_file", path="notes.txt")
        outside = await _say(client, "read_file", path="../notes.txt")

    assert kept[0]
    assert read == (True, "tea at five")
    assert not outside[0]


async def test_the_client_talks_with_an_agent() -> None:
    async with connected("agents") as client:
        is_done, said = await _say(client, "chat_with_agent", agent="coach", message="Hello")

    assert is_done, said


async def test_the_client_is_told_what_is_not_there() -> None:
    async with connected("web") as client:
        with pytest.raises(MCPError) as caught:
            await client.list_resources()

    assert caught.value.error.code == -32601


async def test_a_client_without_a_token_is_turned_away() -> None:
    house = House()
    async with served(house) as url, session(f"{url}/mcp/web", "no token") as client:
        with pytest.raises(MCPError):
            await client.initialize()
