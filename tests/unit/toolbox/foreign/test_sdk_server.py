"""Our client and the protocol's own server library, over loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from mcp.server.mcpserver import MCPServer

from gateway.domain.tools import ToolCall
from gateway.http import create_server, listen
from tests.fakes.patience import PATIENCE_SECONDS
from tests.unit.toolbox.turns import turn_of
from toolbox.executor import Executor
from toolbox.foreign.connection import Endpoint
from toolbox.foreign.server import ServerOptions
from toolbox.foreign.servers import opened_servers
from toolbox.registry import Registry


@asynccontextmanager
async def served(*, as_json: bool, is_stateless: bool) -> AsyncGenerator[str]:
    """Serve two tools as a program with the SDK would; yields the address."""
    sdk = MCPServer("library", log_level="ERROR")

    @sdk.tool()
    async def add(first: int, second: int = 1) -> int:  # pyright: ignore[reportUnusedFunction] - a tool
        """Add two numbers."""
        return first + second

    @sdk.tool()
    async def stumble() -> str:  # pyright: ignore[reportUnusedFunction] - a tool
        """Fail."""
        raise ValueError("the shelf is empty")

    app = sdk.streamable_http_app(json_response=as_json, stateless_http=is_stateless)
    server = create_server(app)  # type: ignore[arg-type] - any ASGI app
    with listen("127.0.0.1", 0) as listener:
        async with sdk.session_manager.run(), asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve(sockets=[listener]))
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
            finally:
                server.ask_to_stop()


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("is_stateless", [True, False])
async def test_the_sdks_server_is_understood(*, as_json: bool, is_stateless: bool) -> None:
    registry = Registry()
    async with served(as_json=as_json, is_stateless=is_stateless) as url:
        options = ServerOptions(Endpoint("library", url))
        async with opened_servers([options], registry, PATIENCE_SECONDS) as servers:
            executor, turn = Executor(registry), turn_of("ada")
            added = await executor.call(
                turn, ToolCall("c1", "mcp_library_add", '{"first": 2, "second": 3}')
            )
            failed = await executor.call(turn, ToolCall("c2", "mcp_library_stumble", "{}"))
            wrong = await executor.call(turn, ToolCall("c3", "mcp_library_add", '{"first": "x"}'))
            health = servers.health()["library"]

    assert health.sentence == "2 tools"
    assert not added.is_error, added.text
    assert "\n5\n" in added.text
    assert failed.is_error
    assert "Error executing tool stumble" in failed.text
    assert '"first" must be of type "integer"' in wrong.text
