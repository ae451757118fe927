"""What an agent did by itself, read over HTTP: one's own, page by page, and nobody else's."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from adapters.web.inbound import parse_message
from adapters.web.sessions import COOKIE, Visitor, new_token, visitor_of
from gateway.bootstrap.doors import make_web
from gateway.domain.messages import InboundMessage
from gateway.settings import Settings
from tests.fakes.patience import PATIENCE_SECONDS
from tests.platforms.web_hub import ADMIN_TOKEN, Served, WebHub, WebServer

ADMIN = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
ADA, BOB = new_token(), new_token()

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def server() -> AsyncGenerator[WebServer]:
    """Start one server for all tests of this file: each serves its own hub with it."""
    async with WebServer().running() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def door(server: WebServer) -> AsyncGenerator[Served]:
    """Serve a web door of its own."""
    async with server.serving(WebHub()) as door:
        yield door


def _message(hub: WebHub, visitor: Visitor | None, key: str, role: str) -> InboundMessage:
    assert visitor is not None
    return parse_message("look", visitor=visitor, role=role, key=key, now=hub.clock.now())


async def _wakes(hub: WebHub, schedule: str, token: str = ADA, role: str = "postern") -> None:
    await hub.wake(schedule, _message(hub, visitor_of(token), schedule, role))


async def _read(door: Served, query: str = "", token: str = ADA) -> httpx.Response:
    cookies = {COOKIE: token}
    async with httpx.AsyncClient(
        base_url=door.url, cookies=cookies, timeout=PATIENCE_SECONDS
    ) as client:
        return await client.get(f"/activity/postern{query}")


def _schedules(response: httpx.Response) -> list[str]:
    return [line["schedule"] for line in response.json()["activity"]]


async def test_a_visitor_reads_what_their_agent_did_and_said(door: Served) -> None:
    await _wakes(door.hub, "papers")
    turn = await door.hub.answer_next("Two new papers.")
    visitor = visitor_of(ADA)
    await door.hub.wake("news", _message(door.hub, visitor, "n", "postern"), why="late")

    response = await _read(door)

    late, said = response.json()["activity"]
    assert (late["schedule"], late["outcome"], late["person"]) == ("news", "late", None)
    assert (said["schedule"], said["turn"]) == ("papers", turn.ref.id)
    assert said["posts"] == ["Two new papers."]
    assert response.json()["next"] is None


async def test_nobody_reads_what_the_agents_of_others_did(door: Served) -> None:
    await _wakes(door.hub, "hers")
    await _wakes(door.hub, "his", BOB)
    bob = visitor_of(BOB)
    await door.hub.wake("his-too", _message(door.hub, bob, "b", "postern"), why="late")
    await _wakes(door.hub, "her-muse", role="muse")

    assert _schedules(await _read(door)) == ["hers"]
    assert _schedules(await _read(door, token=BOB)) == ["his-too", "his"]


async def test_a_stranger_reads_nothing(door: Served) -> None:
    await _wakes(door.hub, "hers")

    for token in (new_token(), "no token"):
        response = await _read(door, token=token)
        assert response.json() == {"activity": [], "next": None}


async def test_a_page_goes_on_where_the_one_before_ended(door: Served) -> None:
    for name in ("one", "other", "three"):
        await _wakes(door.hub, name, BOB if name == "other" else ADA)
    await _wakes(door.hub, "four")

    newest = await _read(door, "?limit=2")
    before = httpx.QueryParams({"before": newest.json()["next"]})
    older = await _read(door, f"?limit=2&{before}")

    assert _schedules(newest) == ["four", "three"]
    assert _schedules(older) == ["one"]
    assert older.json()["next"] is None


async def test_the_activity_of_others_is_for_the_admin_token_only(door: Served) -> None:
    await door.hub.wake("hers", _message(door.hub, Visitor("ada", "ada"), "k", "postern"))

    refused = await _read(door, "?user_id=ada")
    async with httpx.AsyncClient(base_url=door.url, headers=ADMIN) as client:
        allowed = await client.get("/activity/postern?user_id=ada")

    assert refused.status_code == 403
    assert _schedules(allowed) == ["hers"]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?before=yesterday", '"before" must be the "next" of an earlier page.'),
        ("?before=2026-01-01|2026-01-01|x", '"before" must be the "next" of an earlier page.'),
        (
            "?before=0001-01-01T00:00%2B14:00|2026-01-01T00:00Z|x",
            '"before" must be the "next" of an earlier page.',
        ),
        (
            "?before=2026-01-01T00:00Z|2026-01-01T00:00Z|%00",
            '"before" must be the "next" of an earlier page.',
        ),
        ("?limit=many", '"limit" must be a whole number.'),
        ("?limit=201", '"limit" must be between 1 and 200.'),
    ],
)
async def test_a_wrong_activity_request_gets_one_sentence(
    door: Served, query: str, sentence: str
) -> None:
    for token in (ADA, new_token()):
        response = await _read(door, query, token)
        assert (response.status_code, response.json()) == (422, {"error": sentence})


async def test_an_agent_that_is_not_here_has_no_activity(door: Served) -> None:
    async with httpx.AsyncClient(base_url=door.url) as client:
        response = await client.get("/activity/nobody")

    assert response.status_code == 404
    assert response.json()["error"].startswith('There is no agent "nobody" here.')


async def test_the_gateway_itself_shows_it() -> None:
    hub, app = WebHub(), FastAPI()
    _, router = make_web(Settings(), hub.store, hub.artifacts, hub.clock)
    assert router is not None
    app.include_router(router)
    await _wakes(hub, "papers")

    browser = httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://127.0.0.1", cookies={COOKIE: ADA}
    )
    async with browser:
        response = await browser.get("/activity/postern")

    assert _schedules(response) == ["papers"]
