"""Whose session is over, or token revoked, neither reads nor writes on by an open stream."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncGenerator
from datetime import timedelta

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from adapters.web.answers import PAGES_LIMIT, PAGES_PER_VISITOR
from adapters.web.guard import WebOptions
from adapters.web.sessions import COOKIE, new_token
from gateway.clock import SystemClock
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import DeliveryId
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Identity, Route, Sender, person_id_of
from tests.fakes.oidc_provider import provider
from tests.fakes.patience import PATIENCE_SECONDS
from tests.platforms.test_web_events import Reader, follows
from tests.platforms.test_web_sign_in import Guarded, Watch, browser, sign_in_with, signs_in
from tests.platforms.test_web_tokens import program
from tests.platforms.web_hub import ADMIN_TOKEN, Served, WebHub, WebServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADA = Identity("web", "local", "ada")
HOME = Conversation("web", "postern", "ada")
WATCHFUL = WebOptions(admin_token=ADMIN_TOKEN, quiet_seconds=0.02)
PATIENT = WebOptions(admin_token=ADMIN_TOKEN, quiet_seconds=3_600)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def server() -> AsyncGenerator[WebServer]:
    """Start one server for all tests of this file: each serves its own hub with it."""
    async with WebServer().running() as server:
        yield server


@contextlib.asynccontextmanager
async def _page(
    door: Served, headers: dict[str, str], query: str = ""
) -> AsyncGenerator[ClientConnection]:
    url = door.socket_url(f"/stream/postern{query}")
    async with connect(url, additional_headers=headers, proxy=None) as socket:
        assert '"hello"' in str(await socket.recv())
        yield socket


def _said(text: str) -> str:
    return json.dumps({"type": "message", "id": "m1", "text": text})


async def _closing(socket: ClientConnection) -> tuple[list[str], int | None]:
    """Return what still comes, and the code of the end."""
    told: list[str] = []
    with contextlib.suppress(ConnectionClosed):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                told.append(str(await socket.recv()))
    return told, socket.close_code


async def _revoke(door: Served) -> None:
    now = door.hub.clock.now()
    assert await door.hub.store.tokens.revoke(person_id_of(ADA), "tok-1", now)


async def _meet(door: Served) -> None:
    """Let Ada be known: only of somebody known can a token be revoked."""
    said = InboundMessage("e1", HOME, Sender(ADA, "Ada"), "hi", door.hub.clock.now())
    await door.hub.store.turns.accept(said, Route("postern"), door.hub.clock.now())


async def test_a_page_is_closed_when_its_token_is_revoked(server: WebServer) -> None:
    async with server.serving(WebHub(), WATCHFUL) as door, program(door, ADA) as script:
        await _meet(door)
        async with _page(door, {"Authorization": script.headers["Authorization"]}) as page:
            await _revoke(door)
            told, code = await _closing(page)

    assert (told, code) == ([], 1008)


async def test_nothing_is_written_with_a_token_that_was_revoked(server: WebServer) -> None:
    async with server.serving(WebHub(), PATIENT) as door, program(door, ADA) as script:
        await _meet(door)
        async with _page(door, {"Authorization": script.headers["Authorization"]}) as page:
            await _revoke(door)
            await page.send(_said("as Ada"))
            told, code = await _closing(page)

    assert (told, code) == ([], 1008)
    assert door.hub.accepted == []


async def test_a_page_is_closed_when_its_session_is_over(server: WebServer) -> None:
    async with provider(f"http://127.0.0.1:{server.port}/auth/callback") as found:
        watch = Watch()
        hub = WebHub(sign_in=sign_in_with(found, session_seconds=600, clock=watch))
        async with server.serving(hub, WATCHFUL) as door, browser(Guarded(door, found)) as ada:
            await signs_in(ada)
            cookies = {"Cookie": f"{COOKIE}={ada.cookies[COOKIE]}"}
            async with _page(door, cookies) as page:
                watch.ahead = timedelta(seconds=600)
                told, code = await _closing(page)

    assert (told, code) == ([], 1008)


async def test_events_end_with_their_token_however_much_is_going_on(server: WebServer) -> None:
    options = WebOptions(admin_token=ADMIN_TOKEN, quiet_seconds=0.3)
    async with server.serving(WebHub(), options) as door, program(door, ADA) as script:
        await _meet(door)
        async with follows(script) as reader:
            await reader.next()
            turn = await door.hub.next_turn()
            await door.hub.stream(turn, "I")
            await _revoke(door)
            async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as tasks:
                growing = tasks.create_task(_grow(door, turn.ref.id))
                rest = [line async for line in reader.lines]
                growing.cancel()

    assert sum(line.startswith("event") for line in rest) < 50


async def _grow(door: Served, turn: str) -> None:
    """Show a draft that grows for ever, faster than a stream is quiet."""
    draft = await door.hub.store.deliveries.get(DeliveryId(f"{turn}.0"))
    assert draft is not None
    text = "I"
    while True:
        text += " think"
        await door.hub.adapter.show_draft(draft, text)
        await asyncio.sleep(0.005)


async def test_a_visitor_has_so_many_streams_whatever_conversations_they_name(
    server: WebServer,
) -> None:
    async with (
        server.serving(WebHub()) as door,
        program(door, ADA) as script,
        contextlib.AsyncExitStack() as stack,
    ):
        readers: list[Reader] = []  # who is let go of leaves
        for number in range(PAGES_PER_VISITOR):
            query = f"?conversation=talk-{number}"
            readers.append(await stack.enter_async_context(follows(script, query=query)))
            await readers[-1].next()
        refused = await script.get("/events/postern?conversation=one-more")
        body = {"model": "muse", "messages": [{"role": "user", "content": "hi"}]}
        completion = await script.post("/v1/chat/completions", json=body)

    assert (refused.status_code, completion.status_code) == (429, 429)
    assert door.hub.accepted == []


async def test_pages_that_come_together_are_counted_one_by_one(server: WebServer) -> None:
    headers = {"Cookie": f"{COOKIE}={new_token()}"}
    async with server.serving(WebHub()) as door, contextlib.AsyncExitStack() as stack:
        url = door.socket_url("/stream/postern")

        async def come() -> int:
            page = connect(url, additional_headers=headers, proxy=None)
            try:
                await stack.enter_async_context(page)
            except InvalidStatus as denied:
                return denied.response.status_code
            return 101

        came = Counter(await asyncio.gather(*(come() for _ in range(2 * PAGES_PER_VISITOR))))

    assert came == {101: PAGES_PER_VISITOR, 429: PAGES_PER_VISITOR}


async def test_places_are_given_back(server: WebServer) -> None:
    headers = {"Cookie": f"{COOKIE}={new_token()}"}
    async with server.serving(WebHub()) as door:
        for _ in range(PAGES_PER_VISITOR + 1):
            async with _page(door, headers):
                pass


async def test_a_page_that_opens_hides_nothing_from_those_that_are_open(
    server: WebServer,
) -> None:
    """What was said by another gateway is told to the older page too."""
    async with server.serving(WebHub(is_shared=True)) as door, program(door, ADA) as script:
        headers = {"Authorization": script.headers["Authorization"]}
        async with _page(door, headers, "?format=text") as first:
            for number in range(5):
                said = InboundMessage(
                    f"ada:e{number}",
                    HOME,
                    Sender(ADA, "Ada"),
                    f"said {number}",
                    SystemClock().now(),
                )
                await door.hub.store.turns.accept(said, Route("postern"), said.sent_at)
                async with _page(door, headers, "?format=text"):
                    pass
            post = NewDelivery(DeliveryId("post-1"), HOME, "the end")
            await door.hub.store.deliveries.enqueue([post], door.hub.clock.now())
            told: list[str] = []
            async with asyncio.timeout(PATIENCE_SECONDS):
                while "the end" not in told:
                    told.append(json.loads(await first.recv())["text"])

    assert told == [*(f"said {number}" for number in range(5)), "the end"]


@pytest.mark.parametrize("path", ["/", "/me", "/agents", "/history/postern", "/activity/postern"])
async def test_no_cache_keeps_what_one_person_reads(server: WebServer, path: str) -> None:
    async with (
        server.serving(WebHub()) as door,
        httpx.AsyncClient(base_url=door.url) as client,
    ):
        await client.get("/")
        answer = await client.get(path)

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"


async def test_a_door_has_so_many_pages_and_no_more(server: WebServer) -> None:
    async with server.serving(WebHub()) as door, program(door, ADA) as script:
        with contextlib.ExitStack() as stack:
            for number in range(PAGES_LIMIT):
                place = Conversation("web", "postern", f"visitor-{number}")
                stack.enter_context(door.hub.adapter.pages.opened(place.id, wants_html=False))
            full = await script.get("/events/postern")
        async with follows(script) as reader:
            hello = await reader.next()

    assert (full.status_code, full.headers["retry-after"]) == (503, "2")
    assert hello["type"] == "hello"
