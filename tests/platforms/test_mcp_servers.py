"""The gateway as `postern up` makes it, with an MCP server elsewhere whose tools its agents use."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.bootstrap import opened_gateway, premises
from gateway.data_dir import holder
from gateway.settings import load_settings
from tests.fakes.mcp_server import McpServer, said, served_mcp, tool
from tests.fakes.patience import PATIENCE_SECONDS

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@dataclass
class House:
    """A running gateway, somebody on its web page, and the server elsewhere."""

    server: McpServer
    web: httpx.AsyncClient

    async def says(self, text: str) -> str:
        """Write; returns what comes back."""
        answer = await self.web.post("/chat", json={"agent_id": "postern", "message": text})
        return "\n".join(each["text"] for each in answer.raise_for_status().json()["messages"])

    async def reads(self, words: str) -> str:
        """Return what the page shows, as soon as these words are in it."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                shown = (await self.web.get("/history/postern")).text
                if words in shown:
                    return shown
                await asyncio.sleep(0.05)

    async def until_it_is_there(self, *, is_there: bool = True) -> None:
        """Return when the gateway has seen that the server serves, or does not."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await self.state())["wiki"]["ready"] is not is_there:  # noqa: ASYNC110 - only asking tells
                await asyncio.sleep(0.05)

    async def state(self) -> dict[str, Any]:
        """Return how the gateway says that its servers are."""
        return (await self.web.get("/ready")).json()["mcp_servers"]


@asynccontextmanager
async def house(folder: Path, server: McpServer, **more: Any) -> AsyncGenerator[House]:
    async with served_mcp(server):
        servers = [{"name": "wiki", "url": server.url, "token": "s3cret-of-the-wiki", **more}]
        environ = {
            "POSTERN_DATA_DIR": str(folder),
            "POSTERN_HTTP__PORT": "0",
            "POSTERN_MODEL__WORD_SECONDS": "0",
            "POSTERN_MCP_SERVERS": json.dumps(servers),
        }
        settings, stop = load_settings(environ), asyncio.Event()
        with premises(settings) as listener:
            async with opened_gateway(settings, listener) as gateway, asyncio.TaskGroup() as tasks:
                ready = asyncio.Event()
                tasks.create_task(gateway.run(stop, ready.set))
                await ready.wait()
                running = holder(folder)
                assert running is not None
                assert running.url is not None
                async with httpx.AsyncClient(base_url=running.url, timeout=PATIENCE_SECONDS) as web:
                    await web.get("/")
                    yield House(server, web)
                stop.set()


async def test_an_agent_uses_a_tool_of_a_server_elsewhere(tmp_path: Path) -> None:
    server = McpServer(
        tools=[tool("weather", "Tells the weather.", CITY)],
        answers={"weather": lambda given: said(f"Rain in {given['city']}.")},
        token="Bearer s3cret-of-the-wiki",
    )
    async with house(tmp_path, server) as home:
        answer = await home.says('call mcp_wiki_weather {"city": "Paris"}')
        state = await home.state()

    assert "Rain in Paris." in answer
    assert state == {"wiki": {"ready": True, "state": "1 tools"}}
    assert [(name, given) for _, name, given in server.called] == [("weather", {"city": "Paris"})]


async def test_a_tool_that_needs_a_yes_is_called_after_it(tmp_path: Path) -> None:
    server = McpServer(tools=[tool("pay")], answers={"pay": lambda _: said("Paid.")})
    async with house(tmp_path, server, approve=["pay"]) as home:
        await home.says("call mcp_wiki_pay {}")
        asked = await home.reads("/approve")
        before = list(server.called)
        found = re.search(r"/approve (\w+)", asked)
        assert found is not None
        await home.says(f"/approve {found[1]}")
        await home.reads("Paid.")

    assert before == []
    assert [name for _, name, _ in server.called] == ["pay"]


@pytest.mark.parametrize("moment", ["while it hangs", "while it is away"])
async def test_a_server_in_trouble_never_costs_a_turn(tmp_path: Path, moment: str) -> None:
    server = McpServer(tools=[tool("weather")], hangs_at={"weather"})
    async with house(tmp_path, server, timeout_seconds=3, refresh_seconds=3_000) as home:
        await home.until_it_is_there()
        if moment == "while it is away":
            server.status_at["tools/list"] = "503 Service Unavailable"
            await home.says("call mcp_wiki_weather {}")
            await home.until_it_is_there(is_there=False)
        answer = await home.says("call mcp_wiki_weather {}")
        is_ready = (await home.web.get("/ready")).status_code
        well = await home.says("hello again")

    told = "is away" if moment == "while it is away" else "did not answer within 3 s"
    assert told in answer
    assert is_ready == 200
    assert "hello again" in well
