"""Admins let strangers in on the web page; nobody else learns that there are any."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import timedelta

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from adapters.web.sessions import COOKIE, new_token, visitor_of
from gateway.domain.audit import AuditKind
from gateway.domain.bans import OPERATOR, Ban
from gateway.domain.conversations import Conversation
from gateway.domain.messages import InboundMessage, Refusal
from gateway.domain.people import Identity, Pairing, Sender
from gateway.rights.pairing_codes import hash_code
from tests.fakes.browser import needs_browser, opened_browser
from tests.platforms.web_hub import Served, WebHub, WebServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = new_token()
ADA = Identity("discord", "discord", "7")


def _boss() -> str:
    visitor = visitor_of(SECRET)
    assert visitor is not None
    return visitor.sender.identity.key


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def server() -> AsyncGenerator[WebServer]:
    """Start one server for all tests of this file: each serves its own hub with it."""
    async with WebServer().running() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def door(server: WebServer) -> AsyncGenerator[Served]:
    """Serve a web door with an admin, and a stranger who was shown a code."""
    hub = WebHub(admins=frozenset({_boss()}))
    now = hub.clock.now()
    place = Conversation("discord", "dm", "99")
    said = InboundMessage("e1", place, Sender(ADA, "<b>Ada</b>"), "hello", now)
    expires = now + timedelta(hours=1)
    wish = Pairing(ADA, "<b>Ada</b>", hash_code("ABCD2345"), now, expires, place.id)
    await hub.store.turns.refuse(Refusal(said, "pairing_asked", pairing=wish), now)
    async with server.serving(hub) as door:
        yield door


async def test_an_admin_sees_who_waits_and_lets_them_in(door: Served) -> None:
    cookies = {COOKIE: SECRET}
    async with httpx.AsyncClient(base_url=door.url, cookies=cookies) as boss:
        me = await boss.get("/me")
        waiting = await boss.get("/pairings")
        wrong = await boss.post("/pairings", json={"code": "x", "allow": True})
        let_in = await boss.post("/pairings", json={"code": "abcd2345", "allow": True})
        after = await boss.get("/pairings")

    assert me.json()["is_admin"] is True
    assert [each["identity"] for each in waiting.json()["pairings"]] == [ADA.key]
    assert wrong.status_code == 422
    assert let_in.json()["allowed"] is True
    assert after.json() == {"pairings": []}
    assert await door.hub.store.people.is_paired(ADA)
    log = await door.hub.store.history.audit(0, 100)
    decided = [dict(e.data) for e in log if e.kind is AuditKind.PAIRING_DECIDED]
    assert decided == [{"is_allowed": True, "by": _boss()}]


@pytest.mark.parametrize("secret", [None, "x" * 43])
async def test_nobody_else_sees_or_lets_in_anybody(door: Served, secret: str | None) -> None:
    cookies = {} if secret is None else {COOKIE: secret}
    async with httpx.AsyncClient(base_url=door.url, cookies=cookies) as other:
        me = await other.get("/me")
        waiting = await other.get("/pairings")
        tried = await other.post("/pairings", json={"code": "ABCD2345", "allow": True})

    assert me.json()["is_admin"] is False
    assert (waiting.status_code, tried.status_code) == (403, 403)
    assert not await door.hub.store.people.is_paired(ADA)


async def test_an_admin_who_is_banned_lets_nobody_in(door: Served) -> None:
    people, now = door.hub.store.people, door.hub.clock.now()
    await people.ban(Ban(Identity.parse(_boss()), now, None, OPERATOR))
    async with httpx.AsyncClient(base_url=door.url, cookies={COOKIE: SECRET}) as boss:
        me = await boss.get("/me")
        waiting = await boss.get("/pairings")
        tried = await boss.post("/pairings", json={"code": "ABCD2345", "allow": True})

    assert me.json()["is_admin"] is False
    assert (waiting.status_code, tried.status_code) == (403, 403)
    assert not await people.is_paired(ADA)


async def test_no_other_site_lets_anybody_in(door: Served) -> None:
    async with httpx.AsyncClient(base_url=door.url, cookies={COOKIE: SECRET}) as boss:
        tried = await boss.post(
            "/pairings",
            json={"code": "ABCD2345", "allow": True},
            headers={"Origin": "https://evil.example"},
        )

    assert tried.status_code == 403
    assert not await door.hub.store.people.is_paired(ADA)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def chromium() -> AsyncGenerator[Browser]:
    """Start one browser for all tests of this file."""
    async with opened_browser() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def page(chromium: Browser) -> AsyncGenerator[Page]:
    """Open a page; what it complains of fails the test."""
    complaints: list[str] = []
    context = await chromium.new_context(viewport={"width": 390, "height": 780})
    page = await context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    await context.close()
    assert complaints == []


@pytest.mark.browser
@needs_browser
async def test_the_page_of_an_admin_lets_a_stranger_in(door: Served, page: Page) -> None:
    await page.context.add_cookies([{"name": COOKIE, "value": SECRET, "url": door.url}])
    await page.goto(door.url)
    await page.get_by_role("button", name="Strangers").click()
    await expect(page.locator("#strangers li b")).to_have_text("<b>Ada</b>")
    await expect(page.locator("#strangers li span")).to_have_text(ADA.key)
    await expect(page.locator("#strangers li time")).to_contain_text("until")

    await page.get_by_role("textbox", name="Code").fill("wrong")
    await page.get_by_role("button", name="Let in").click()
    status = page.locator("#strangers [role=status]")
    await expect(status).to_contain_text('"wrong" is not a pairing code')
    await page.get_by_role("textbox", name="Code").fill("ABCD2345")
    await page.get_by_role("button", name="Let in").click()

    await expect(status).to_have_text(f"<b>Ada</b> ({ADA.key}) may talk now.")
    await expect(page.locator("#strangers li")).to_have_count(0)
    assert await door.hub.store.people.is_paired(ADA)


@pytest.mark.browser
@needs_browser
async def test_the_page_of_others_has_no_strangers(door: Served, page: Page) -> None:
    await page.goto(door.url)

    await expect(page.locator("#link")).to_have_attribute("data-state", "connected")
    await expect(page.locator("#knocking")).to_be_hidden()
