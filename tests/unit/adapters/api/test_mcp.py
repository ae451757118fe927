"""MCP servers: an agent's token opens its own files and its person's agents, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from adapters.api.mcp_tokens import Claimed, make_token, read_token
from adapters.web.adapter import WebAdapter
from agents.constellation import AgentConstellation
from agents.scripted import ScriptedAgents
from gateway.bootstrap.choices import routes
from gateway.bootstrap.hub import Plugged, Spokes, plug
from gateway.clock import SystemClock
from gateway.domain.audit import AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.ids import AgentId, PersonId
from gateway.domain.memory import MemoryBlock
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Identity, Route, Sender, person_id_of
from gateway.domain.tools import Caller
from gateway.mind import Mind
from gateway.settings import Settings
from gateway.telemetry import Metrics
from storage.artifacts.memory import MemoryArtifacts
from storage.memory.store import MemoryStore
from tests.fakes.pages import Page, served_pages
from toolbox.executor import Executor
from toolbox.registry import Registry

TOKEN = "t" * 32
ADA, EVE = Identity("web", "local", "ada"), Identity("web", "local", "eve")
SETTINGS: dict[str, Any] = {
    "http": {"admin_token": TOKEN},
    "agents": [{"name": "coach"}, {"name": "cook"}],
    "mcp": {"calls_per_minute": 20},
    "compute": {"seconds": 5},
}


class House:
    """A gateway with people who have agents, called over MCP without a socket."""

    def __init__(self, settings: dict[str, Any] | None = None) -> None:
        self.store, self.clock = MemoryStore(), SystemClock()
        self.agents = ScriptedAgents()
        self.artifacts = MemoryArtifacts(self.clock)
        read = Settings.model_validate({**SETTINGS, **(settings or {})})
        constellation = AgentConstellation(self.store.people, self.agents, self.clock)
        tools = Executor(Registry())
        mind = Mind(constellation, self.agents, tools, routes=routes(read), memory=self.agents)
        spokes = Spokes(
            self.clock, Metrics(), self.store, self.artifacts, mind, [WebAdapter(self.clock)]
        )
        self.plugged: Plugged = plug(read, spokes)
        self._app = httpx.ASGITransport(app=self.plugged.app, raise_app_exceptions=False)

    async def has(self, identity: Identity, role: str) -> AgentId:
        """Give a person an agent."""
        person, now = person_id_of(identity), self.clock.now()
        if await self.store.people.get_person(person) is None:
            place = Conversation("web", role, identity.user)
            sender = Sender(identity, identity.user.title())
            first = InboundMessage(f"first-{identity.user}", place, sender, "Hello", now)
            await self.store.turns.accept(first, Route(role), now)
        known = await self.store.people.get_person(person)
        assert known is not None
        await self.store.people.intend_agent(person, role, now)
        agent = await self.agents.create_agent(known, role)
        await self.store.people.bind_agent(person, role, agent)
        return agent

    async def post(
        self, path: str, body: Any, token: str | None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        bearer = {} if token is None else {"Authorization": f"Bearer {token}"}
        given = {**bearer, **(headers or {})}.items()
        async with httpx.AsyncClient(
            transport=self._app, base_url="http://127.0.0.1", timeout=60
        ) as client:
            sent = [(name.encode(), value.encode()) for name, value in given]
            return await client.post(path, json=body, headers=sent)

    async def token(self, identity: Identity, role: str) -> str:
        """Give the agent a token."""
        body = {"person": identity.key, "agent": role}
        answer = await self.post("/mcp/tokens", body, TOKEN)
        assert answer.status_code == 201, answer.text
        return answer.json()["token"]

    async def rpc(self, server: str, token: str, method: str, **params: Any) -> Any:
        """Return the result of a request."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = await self.post(f"/mcp/{server}", body, token)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    async def call(self, server: str, token: str, tool: str, **arguments: Any) -> tuple[bool, str]:
        """Return whether a tool did it, and what it says."""
        result = await self.rpc(server, token, "tools/call", name=tool, arguments=arguments)
        return not result["isError"], result["content"][0]["text"]

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Let turns run."""
        await self.store.open()
        stop = asyncio.Event()
        running = asyncio.ensure_future(self.plugged.gateway.run(stop))
        try:
            yield
        finally:
            stop.set()
            await running


@pytest.fixture
async def house() -> House:
    house = House()
    await house.has(ADA, "coach")
    return house


async def test_a_client_is_greeted_and_told_the_tools(house: House) -> None:
    token = await house.token(ADA, "coach")

    greeting = await house.rpc("web", token, "initialize", protocolVersion="2025-03-26")
    listed = await house.rpc("filesystem", token, "tools/list")

    assert greeting["protocolVersion"] == "2025-03-26"
    assert greeting["serverInfo"]["name"] == "postern-web"
    assert await house.rpc("code", token, "ping") == {}
    names = [tool["name"] for tool in listed["tools"]]
    assert names == ["read_file", "write_file", "list_files", "delete_file"]
    schema = listed["tools"][1]["inputSchema"]
    assert (schema["type"], list(schema["properties"])) == ("object", ["path", "content"])


async def test_a_notification_is_taken_without_an_answer(house: House) -> None:
    body = {"jsonrpc": "2.0", "method": "notifications/initialized"}

    answer = await house.post("/mcp/web", body, await house.token(ADA, "coach"))

    assert (answer.status_code, answer.content) == (202, b"")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ([], 400, -32600),
        ({"jsonrpc": "1.0", "id": 1, "method": "ping"}, 400, -32600),
        ({"jsonrpc": "2.0", "id": {}, "method": "ping"}, 400, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": "resources/list"}, 200, -32601),
        ({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {}}, 200, -32602),
        (
            {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "rm"}},
            200,
            -32602,
        ),
    ],
)
async def test_what_is_no_request_is_answered_by_its_code(
    house: House, body: Any, status: int, code: int
) -> None:
    answer = await house.post("/mcp/web", body, await house.token(ADA, "coach"))

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_nobody_comes_in_without_a_token_that_holds(house: House) -> None:
    good = await house.token(ADA, "coach")
    person = person_id_of(ADA)
    agent = (await house.store.people.bindings())[0].agent_id
    assert agent is not None
    over = Claimed(Caller(person, "coach", agent), 1)
    other = Claimed(Caller(person, "coach", AgentId("agent-other")), 9_999_999_999)
    head, body, mac = good.split(".")
    tokens = [
        None,
        "",
        TOKEN,
        good[:-1],
        f"{head}.{body[:-2]}AA.{mac}",
        f"{head}.{body}.",
        make_token(TOKEN, over),
        make_token(TOKEN, other),
        make_token("another secret", Claimed(Caller(person, "coach", agent), 9_999_999_999)),
        "pmcp.ä.ö",
    ]

    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    answers = [await house.post("/mcp/web", ping, token) for token in tokens]

    assert [each.status_code for each in answers] == [401] * len(tokens)
    assert (await house.post("/mcp/web", ping, good)).status_code == 200


async def test_a_token_is_made_by_the_admin_alone_and_for_agents_that_there_are(
    house: House,
) -> None:
    body = {"person": ADA.key, "agent": "coach"}
    own = await house.token(ADA, "coach")

    assert (await house.post("/mcp/tokens", body, own)).status_code == 401
    assert (await house.post("/mcp/tokens", {**body, "agent": "cook"}, TOKEN)).status_code == 404
    unknown = {**body, "person": "person-0"}
    assert (await house.post("/mcp/tokens", unknown, TOKEN)).status_code == 404


async def test_a_token_is_worth_nothing_to_whom_may_not_talk() -> None:
    house = House({"access": {"web": "allowlist"}})
    await house.has(ADA, "coach")
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}

    assert (await house.post("/mcp/web", ping, await house.token(ADA, "coach"))).status_code == 401


async def test_a_token_dies_with_its_agent(house: House) -> None:
    token = await house.token(ADA, "coach")
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}

    person, now = person_id_of(ADA), house.clock.now()
    await house.store.people.adopt_agent(person, "coach", AgentId("agent-new"), now)

    assert (await house.post("/mcp/web", ping, token)).status_code == 401


async def test_pages_and_unknown_servers_and_versions_are_refused(house: House) -> None:
    token = await house.token(ADA, "coach")
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}

    answers = [
        await house.post("/mcp/web", ping, token, {"Origin": "https://evil.example"}),
        await house.post("/mcp/shell", ping, token),
        await house.post("/mcp/web", ping, token, {"MCP-Protocol-Version": "1999-01-01"}),
        await house.post("/mcp/web", {"x": "y" * 1_100_000}, token),
    ]

    assert [each.status_code for each in answers] == [403, 404, 400, 413]
    assert all(each.json()["error"] for each in answers)


async def test_too_many_calls_have_to_wait(house: House) -> None:
    token = await house.token(ADA, "coach")
    for _ in range(20):
        await house.call("filesystem", token, "list_files")

    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_files"}}
    answer = await house.post("/mcp/filesystem", body, token)

    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 60


async def test_files_are_written_read_listed_and_deleted(house: House) -> None:
    token = await house.token(ADA, "coach")

    assert (await house.call("filesystem", token, "write_file", path="a/b.md", content="ä"))[0]
    assert await house.call("filesystem", token, "read_file", path="a/b.md") == (True, "ä")
    assert await house.call("filesystem", token, "list_files") == (True, "a/b.md (2 bytes)")
    assert (await house.call("filesystem", token, "delete_file", path="a/b.md"))[0]
    assert not (await house.call("filesystem", token, "read_file", path="a/b.md"))[0]


@pytest.mark.parametrize("role", ["cook", "coach"])
@pytest.mark.parametrize("path", ["../{agent}/x.md", "/{agent}/x.md", "a/../../{agent}/x.md"])
async def test_no_path_leads_to_another_agents_files(house: House, role: str, path: str) -> None:
    owner = EVE if role == "coach" else ADA
    other = await house.has(owner, role)
    await house.artifacts.save(f"{other}/x.md", b"hush")
    token = await house.token(ADA, "coach")
    there = path.format(agent=other)

    for tool, more in (("read_file", {}), ("delete_file", {}), ("write_file", {"content": "!"})):
        done, text = await house.call("filesystem", token, tool, path=there, **more)
        assert not done
        assert "hush" not in text
    done, text = await house.call("filesystem", token, "list_files", folder=f"../{other}")
    assert "x.md" not in text or not done
    found = await house.artifacts.load(f"{other}/x.md")
    assert found is not None
    assert found.data == b"hush"


async def test_a_page_is_fetched_once_within_a_while_and_for_one_agent_alone() -> None:
    house = House({"sources": {"private": True}})
    await house.has(ADA, "coach")
    await house.has(EVE, "coach")
    ada, eve = await house.token(ADA, "coach"), await house.token(EVE, "coach")
    async with served_pages() as web:
        web.pages["/p"] = Page(b"<html><p>Hello</p><script>x</script></html>")

        texts = [await house.call("web", ada, "fetch", url=f"{web.url}/p") for _ in range(2)]
        await house.call("web", eve, "fetch", url=f"{web.url}/p")

        assert [each["path"] for each in web.asked] == ["/p", "/p"]
    assert texts[0] == texts[1]
    assert "Hello" in texts[0][1]
    assert "script" not in texts[0][1]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/",
        "http://localhost/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:10.0.0.1]/",
        "file:///etc/passwd",
        "http://a:b@example.org/",
    ],
)
async def test_nothing_of_ours_is_fetched(house: House, url: str) -> None:
    done, _ = await house.call("web", await house.token(ADA, "coach"), "fetch", url=url)

    assert not done


async def test_code_runs_in_a_process_without_rights(house: House) -> None:
    token = await house.token(ADA, "coach")

    assert await house.call("code", token, "run_python", code="print(6 * 7)") == (True, "42\n")
    done, text = await house.call("code", token, "run_python", code="print(1)\nopen('/etc/passwd')")
    assert not done
    assert text.startswith("1\n")
    assert "PermissionError" in text


async def test_another_agent_answers_once_for_each_id(house: House) -> None:
    await house.has(ADA, "cook")
    token = await house.token(ADA, "coach")
    async with house.open():
        first = await house.call(
            "agents", token, "chat_with_agent", agent="cook", message="Soup?", id="m1"
        )
        again = await house.call(
            "agents", token, "chat_with_agent", agent="cook", message="Soup?", id="m1"
        )

    assert first == again
    assert first[0]
    assert "Soup?" in first[1]
    asked = [text for run in house.agents.heard for text in run if "Soup?" in text]
    assert len(asked) == 1
    assert 'From the agent "coach"' in asked[0]


async def test_another_persons_agents_do_not_exist(house: House) -> None:
    await house.has(EVE, "cook")
    token = await house.token(ADA, "coach")

    assert await house.call("agents", token, "list_agents") == (True, "coach")
    for tool, more in (
        ("chat_with_agent", {"message": "Hi"}),
        ("get_agent_memory", {}),
        ("update_agent_memory", {"label": "human", "value": "x"}),
    ):
        done, text = await house.call("agents", token, tool, agent="cook", **more)
        assert (done, text) == (False, 'Your person has no agent "cook" yet.')


async def test_memory_is_read_and_changed_within_its_limits(house: House) -> None:
    cook = await house.has(ADA, "cook")
    house.agents.memory[cook] = {
        "human": MemoryBlock("human", "likes tea", 20),
        "rules": MemoryBlock("rules", "be kind", 20, is_read_only=True),
    }
    token = await house.token(ADA, "coach")

    async def update(label: str, value: str) -> bool:
        given = {"agent": "cook", "label": label, "value": value}
        return (await house.call("agents", token, "update_agent_memory", **given))[0]

    assert await update("human", "likes coffee")
    assert [await update(*pair) for pair in (("rules", "x"), ("no", "x"), ("human", "x" * 21))] == [
        False,
        False,
        False,
    ]

    done, text = await house.call("agents", token, "get_agent_memory", agent="cook", label="human")
    assert (done, text) == (True, "[human]\nlikes coffee")
    edit = await house.store.memory_edits.newest(cook, "human")
    assert edit is not None
    assert edit.before == "likes tea"


async def test_every_call_is_in_the_log_without_what_it_said(house: House) -> None:
    token = await house.token(ADA, "coach")
    await house.call("filesystem", token, "write_file", path="secret.md", content="hush")
    await house.call("filesystem", token, "read_file", path="none")

    log = await house.store.history.audit(0, 100)

    lines = [entry for entry in log if entry.kind is AuditKind.TOOL_CALLED]
    assert [entry.data for entry in lines] == [
        {"tool": "filesystem.write_file", "outcome": "done"},
        {"tool": "filesystem.read_file", "outcome": "failed"},
    ]
    assert {entry.subject for entry in lines} == {person_id_of(ADA)}
    assert "hush" not in str(log)
    assert "secret.md" not in str(log)


def test_a_token_says_whose_it_is_until_it_is_over() -> None:
    now = datetime(2026, 1, 5, tzinfo=UTC)
    until = int((now + timedelta(days=1)).timestamp())
    claimed = Claimed(Caller(PersonId("person-1"), "coach", AgentId("agent-1")), until)
    token = make_token(TOKEN, claimed)

    assert read_token(TOKEN, token, now.timestamp()) == claimed
    assert read_token(TOKEN, token, until) is None
    assert TOKEN not in token
