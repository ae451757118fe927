"""Ids that are none, and ids of nothing: every address that takes one, straight over HTTP."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncGenerator

import httpx
import pytest
import pytest_asyncio
from fastapi.routing import APIRoute

from agents.embedded import EmbeddedOptions
from agents.embedded.rest import (
    agent_files,
    agents,
    archives,
    blocks,
    conversations,
    folders,
    messages,
    passages,
    runs,
    tools,
)
from agents.embedded.server import serve

pytestmark = pytest.mark.asyncio(loop_scope="module")

KINDS = {
    "agent_id": "agent",
    "archive_id": "archive",
    "block_id": "block",
    "conversation_id": "conv",
    "file_id": "file",
    "folder_id": "source",
    "passage_id": "passage",
    "run_id": "run",
    "tool_id": "tool",
}
BODY: dict[str, object] = {"input": "hello", "text": "a fact", "args": {}}
"""Whatever an address needs; each takes its own part of it."""
ROUTERS = (
    agent_files,
    agents,
    archives,
    blocks,
    conversations,
    folders,
    messages,
    passages,
    runs,
    tools,
)
LIST_NOTHING = ("/v1/agents/{agent_id}/archival-memory", "/v1/archives/{archive_id}/agents")
"""Where Letta has an empty list for what is not there."""
ADDRESSES = sorted(
    (method, route.path)
    for module in ROUTERS
    for route in module.router.routes
    if isinstance(route, APIRoute) and any(f"{{{kind}}}" in route.path for kind in KINDS)
    for method in route.methods or ()
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(options: EmbeddedOptions) -> AsyncGenerator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {options.token}"}
    async with serve(options) as url, httpx.AsyncClient(base_url=url, headers=headers) as http:
        yield http


async def ask(http: httpx.AsyncClient, method: str, path: str) -> httpx.Response:
    if path.endswith("/upload"):
        return await http.post(path, files={"file": ("a.txt", b"text", "text/plain")})
    body = BODY if method in ("POST", "PATCH") else None
    return await http.request(method, path, json=body, params={"query": "fact"})


def address_of(path: str, ids: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: ids.get(match[1], "human"), path)


def ids_of_nothing() -> dict[str, str]:
    return {name: f"{kind}-{uuid.uuid4()}" for name, kind in KINDS.items()}


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
@pytest.mark.parametrize("odd", ["42", "agent-42", "block-1' OR '1'='1", "%2e%2e", "x" * 5000])
async def test_an_id_that_is_none_is_422(
    http: httpx.AsyncClient, method: str, path: str, odd: str
) -> None:
    for name in (name for name in KINDS if f"{{{name}}}" in path):
        answer = await ask(http, method, address_of(path, {**ids_of_nothing(), name: odd}))

        assert answer.status_code == 422, (name, answer.text)
        assert answer.json()["detail"]


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
async def test_an_id_of_nothing_is_404_with_a_sentence(
    http: httpx.AsyncClient, method: str, path: str
) -> None:
    ids = ids_of_nothing()

    answer = await ask(http, method, address_of(path, ids))

    if method == "GET" and path in LIST_NOTHING:
        assert (answer.status_code, answer.json()) == (200, [])
        return
    assert answer.status_code == 404, answer.text
    assert any(name in answer.json()["detail"] for name in ids.values())
