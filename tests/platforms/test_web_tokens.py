"""Programs that come to the web door with a token of their person."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from adapters.web.sessions import Visitor, new_token, visitor_of
from adapters.web.tokens import visitor_for
from gateway.domain.conversations import Conversation
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Identity, Route, Sender, person_id_of
from gateway.domain.tokens import TokenOffer, hash_secret, new_code
from tests.fakes.patience import PATIENCE_SECONDS
from tests.platforms.web_hub import Served, WebHub, WebServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

DISCORD_ADA = Identity("discord", "discord", "99")


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


async def offered(hub: WebHub, account: Identity) -> str:
    """Show the account a code, as `/token new` does."""
    code = new_code()
    now = hub.clock.now()
    offer = TokenOffer("tok-1", account, "my script", hash_secret(code), now)
    assert await hub.store.tokens.offer(offer)
    return code


@contextlib.asynccontextmanager
async def program(door: Served, account: Identity) -> AsyncGenerator[httpx.AsyncClient]:
    """Be a program with a token of this account."""
    async with httpx.AsyncClient(base_url=door.url, timeout=PATIENCE_SECONDS) as client:
        response = await client.post("/tokens", json={"code": await offered(door.hub, account)})
        client.headers["Authorization"] = f"Bearer {response.json()['token']}"
        yield client


async def _meet(door: Served) -> None:
    """Let Ada of Discord say something there, so that she is known."""
    sender = Sender(DISCORD_ADA, "Ada")
    said = InboundMessage(
        "e1", Conversation("discord", "dm", "99"), sender, "hi", door.hub.clock.now()
    )
    await door.hub.store.turns.accept(said, Route("postern"), door.hub.clock.now())


async def test_a_code_gives_a_token_once(door: Served) -> None:
    code = await offered(door.hub, DISCORD_ADA)

    async with httpx.AsyncClient(base_url=door.url) as client:
        first = await client.post("/tokens", json={"code": code})
        second = await client.post("/tokens", json={"code": code})

    assert first.status_code == 201
    assert first.json() == {
        "id": "tok-1",
        "label": "my script",
        "token": first.json()["token"],
    }
    assert first.json()["token"].startswith("pst_")
    assert first.headers["cache-control"] == "no-store"
    assert second.status_code == 404
    assert "There is no such code" in second.json()["error"]


async def test_a_program_speaks_for_the_person_of_its_token(door: Served) -> None:
    await _meet(door)

    async with program(door, DISCORD_ADA) as script, asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(
            script.post("/chat", json={"agent_id": "postern", "message": "from my script"})
        )
        await door.hub.answer_next("to Discord")
        await door.hub.answer_next("to the script")

    (said,) = door.hub.accepted
    assert said.sender == Sender(DISCORD_ADA, "Ada")
    assert said.conversation.platform == "web"
    assert [m["text"] for m in asked.result().json()["messages"]] == ["to the script"]
    person = await door.hub.store.people.find_person(DISCORD_ADA)
    assert person is not None
    assert person.id == person_id_of(DISCORD_ADA)


async def test_the_token_of_a_browsers_person_reads_what_the_page_shows(door: Served) -> None:
    ada = visitor_of(new_token())
    assert ada is not None

    async with program(door, ada.sender.identity) as script:
        socket = door.socket_url("/stream/postern?format=text")
        headers = {"Authorization": script.headers["Authorization"]}
        async with connect(socket, additional_headers=headers) as page:
            await page.recv()
            await page.send('{"type": "message", "id": "1", "text": "hello"}')
            await door.hub.has_accepted(1)
            await door.hub.answer_next("hello yourself")
        read = await script.get("/history/postern")

    assert door.hub.accepted[0].conversation == ada.conversation("postern")
    assert [m["text"] for m in read.json()["messages"]] == ["hello", "hello yourself"]


async def test_nobody_reads_or_writes_as_another_with_a_token(door: Served) -> None:
    async with program(door, DISCORD_ADA) as script:
        wrote = await script.post(
            "/chat", json={"agent_id": "postern", "message": "hi", "user_id": "bob"}
        )
        read = await script.get("/history/postern?user_id=bob")

    assert (wrote.status_code, read.status_code) == (403, 403)
    assert door.hub.accepted == []


async def test_two_accounts_never_share_a_conversation_here() -> None:
    accounts = [
        Identity("slack", "T1", "U1"),
        Identity("slack", "T2", "U1"),
        Identity("discord", "discord", "U1"),
        Identity("web", "local", "U1"),
    ]
    visitors = [visitor_for(account, "") for account in accounts]

    assert len({visitor.user for visitor in visitors}) == 4
    assert [visitor.sender.identity for visitor in visitors] == accounts
    assert visitors[3] == Visitor("U1", "")


async def test_a_revoked_token_opens_nothing(door: Served) -> None:
    await _meet(door)
    async with program(door, DISCORD_ADA) as script:
        before = await script.get("/agents")
        now = door.hub.clock.now()
        await door.hub.store.tokens.revoke(person_id_of(DISCORD_ADA), "tok-1", now)
        after = [await script.get(path) for path in ("/agents", "/history/postern")]

    assert before.status_code == 200
    assert [each.status_code for each in after] == [401, 401]
    assert after[0].json() == {"error": "The bearer token is not known here, or it was revoked."}


@pytest.mark.parametrize("token", ["pst_", "pst_wrong", "x" * 5_000, "pst_" + "a" * 5_000])
async def test_what_is_no_token_is_refused(door: Served, token: str) -> None:
    async with httpx.AsyncClient(base_url=door.url) as client:
        response = await client.get("/agents", headers={"Authorization": f"Bearer {token}"})

    assert response.status_code == 401


async def test_a_code_is_no_token(door: Served) -> None:
    code = await offered(door.hub, DISCORD_ADA)

    async with httpx.AsyncClient(base_url=door.url) as client:
        response = await client.get("/agents", headers={"Authorization": f"Bearer {code}"})

    assert response.status_code == 401


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"code": 7}'])
async def test_a_wrong_body_gets_one_sentence(door: Served, body: bytes) -> None:
    async with httpx.AsyncClient(base_url=door.url) as client:
        response = await client.post("/tokens", content=body)

    assert response.status_code == 422
    assert response.json()["error"].endswith(".")
