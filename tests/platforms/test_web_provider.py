"""The sign-in provider, as the web door calls it: what it offers, and when it errs or is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import httpx
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import rsa

from adapters.web.guard import WebOptions
from adapters.web.provider import ProviderOptions
from adapters.web.sign_in import SignIn, SignInOptions
from adapters.web.sign_in_routes import CALLBACK
from gateway.clock import SystemClock
from tests.fakes.oidc_provider import CLIENT_ID, CLIENT_SECRET, Claims, provider
from tests.fakes.patience import PATIENCE_SECONDS
from tests.platforms.test_web_sign_in import SECRET, Guarded, browser, sign_in_with, signs_in
from tests.platforms.web_hub import WebHub, WebServer

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def server() -> AsyncGenerator[WebServer]:
    """Start one server for all tests of this file: each serves its own hub with it."""
    async with WebServer().running() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def guarded(server: WebServer) -> AsyncGenerator[Guarded]:
    """Serve a web door of its own with a provider of its own."""
    callback = f"http://127.0.0.1:{server.port}{CALLBACK}"
    async with provider(callback) as found:
        hub = WebHub(sign_in=sign_in_with(found))
        async with server.serving(hub) as door:
            yield Guarded(door, found)


async def test_a_provider_may_change_its_keys(guarded: Guarded) -> None:
    async with browser(guarded) as client:
        first = await signs_in(client)
        guarded.provider.key = rsa.generate_private_key(65_537, 2_048)
        guarded.provider.kid = "key-2"
        second = await signs_in(client)

    assert (first.status_code, second.status_code) == (200, 200)


async def test_people_come_back_to_the_public_address(server: WebServer) -> None:
    async with provider() as found:
        options = WebOptions(public_url="https://chat.example.org")
        hub = WebHub(sign_in=sign_in_with(found))
        async with server.serving(hub, options) as door, browser(Guarded(door, found)) as ada:
            begun = await ada.get("/auth/login")

    asked = httpx.URL(begun.headers["location"]).params
    assert asked["redirect_uri"] == f"https://chat.example.org{CALLBACK}"


async def test_a_provider_that_is_away_is_said(guarded: Guarded) -> None:
    guarded.provider.is_down = True
    async with browser(guarded) as ada:
        answer = await ada.get("/auth/login")

    assert answer.status_code == 503
    assert "The sign-in provider refused (500)." in answer.text


@pytest.mark.parametrize(
    ("offered", "why"),
    [
        ({"token_endpoint": "ftp://id.example/token"}, "an address without TLS"),
        ({"jwks_uri": "file:///etc/passwd"}, "an address without TLS"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "an address without TLS"),
        ({"scopes_supported": "x" * 600_000}, "says too much"),
        ({"jwks_uri": 7}, "can not be read"),
    ],
)
async def test_an_offer_that_can_not_be_used_is_said(
    guarded: Guarded, offered: Claims, why: str
) -> None:
    guarded.provider.offered = offered
    async with browser(guarded) as ada:
        answer = await ada.get("/auth/login")

    assert answer.status_code == 503
    assert why in answer.text


@pytest.mark.parametrize(
    "offered",
    [
        {"token_endpoint_auth_methods_supported": ["client_secret_post"]},
        {"tenant": "a"},
    ],
)
async def test_providers_differ(guarded: Guarded, offered: Claims) -> None:
    """Some want the secret in the form, and the address of some has a query already."""
    if "tenant" in offered:
        offered = {"authorization_endpoint": f"{guarded.provider.issuer}/authorize?tenant=a"}
    guarded.provider.offered = offered
    async with browser(guarded) as ada:
        back = await signs_in(ada)
        me = await ada.get("/me")

    assert (back.status_code, me.json()["signed_in"]) == (200, True)


async def test_a_provider_by_another_name_is_not_believed(guarded: Guarded) -> None:
    other = ProviderOptions(f"http://127.0.0.1:{guarded.provider.port}", CLIENT_ID, CLIENT_SECRET)
    options = SignInOptions(other, SECRET, 3_600)
    answers = [SignIn(options, SystemClock()).begin("http://127.0.0.1/auth/callback")]

    results = await asyncio.gather(*answers, return_exceptions=True)

    assert "calls itself by another name" in str(results[0])


@pytest.mark.parametrize(("keep_seconds", "asked"), [(3_600, 1), (-1, 3)])
async def test_what_a_provider_offers_is_believed_for_a_while(
    guarded: Guarded, keep_seconds: float, asked: int
) -> None:
    found = guarded.provider
    known = ProviderOptions(found.issuer, CLIENT_ID, CLIENT_SECRET, keep_seconds=keep_seconds)
    sign_in = SignIn(SignInOptions(known, SECRET, 3_600), SystemClock())

    for _ in range(3):
        await sign_in.begin("http://127.0.0.1/auth/callback")

    assert found.offers == asked


async def test_who_waits_while_the_provider_hangs_waits_for_it_once(guarded: Guarded) -> None:
    guarded.provider.is_slow = True
    async with browser(guarded) as ada:
        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(ada.get("/auth/login")) for _ in range(20)]
            async with asyncio.timeout(PATIENCE_SECONDS):
                await guarded.provider.asked.wait()
            # All the others wait behind the first by the time that the page is read.
            assert (await ada.get("/")).status_code == 200
            guarded.provider.go_on.set()
        guarded.provider.is_slow = False
        later = await ada.get("/auth/login")

    assert {each.result().status_code for each in asked} == {503}
    assert guarded.provider.offers < 5
    assert later.status_code == 303
