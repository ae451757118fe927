"""Signing in at the web door by a real provider on loopback, as browsers and attackers do it."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import unescape
from urllib.parse import urljoin

import httpx
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from adapters.web.provider import ProviderOptions
from adapters.web.sealed import Seal, Session
from adapters.web.sessions import COOKIE, new_token, visitor_of
from adapters.web.sign_in import ATTEMPT_SECONDS, SignIn, SignInOptions, user_of
from adapters.web.sign_in_routes import ATTEMPT_COOKIE, CALLBACK
from gateway.clock import SystemClock
from gateway.ports import Clock
from tests.fakes.oidc_provider import CLIENT_ID, CLIENT_SECRET, Claims, OidcProvider, provider
from tests.fakes.patience import PATIENCE_SECONDS
from tests.platforms.web_hub import ADMIN_TOKEN, Served, WebHub, WebServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "a secret of sixteen characters or more"
TERMINAL = new_token()


@dataclass(frozen=True)
class Guarded:
    """A web door that asks to sign in, and its provider."""

    door: Served
    provider: OidcProvider


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


@dataclass
class Watch(SystemClock):
    """A clock that can be put forward."""

    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        """Return the moment that it shows."""
        return super().now() + self.ahead


def sign_in_with(
    found: OidcProvider, *, session_seconds: int = 3_600, clock: Clock | None = None
) -> SignIn:
    known = ProviderOptions(found.issuer, CLIENT_ID, CLIENT_SECRET, renew_seconds=0)
    own = visitor_of(TERMINAL)
    assert own is not None
    options = SignInOptions(known, SECRET, session_seconds, own.user)
    return SignIn(options, clock or SystemClock())


@contextlib.asynccontextmanager
async def browser(guarded: Guarded) -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=guarded.door.url, timeout=PATIENCE_SECONDS) as client:
        yield client


async def to_provider(client: httpx.AsyncClient) -> str:
    """Begin to sign in and say yes at the provider; returns where it sends the browser."""
    begun = await client.get("/auth/login")
    assert begun.status_code == 303
    asked = await client.get(begun.headers["location"])
    found = re.search(r"href='([^']+)'>Continue", asked.text)
    assert found is not None, asked.text
    approved = await client.get(urljoin(str(asked.url), unescape(found[1])))
    assert approved.status_code == 302
    return approved.headers["location"]


async def signs_in(client: httpx.AsyncClient) -> httpx.Response:
    return await client.get(await to_provider(client))


async def test_who_signs_in_talks_and_is_known_by_issuer_and_subject(guarded: Guarded) -> None:
    async with browser(guarded) as ada:
        before = await ada.get("/")
        back = await signs_in(ada)
        me = await ada.get("/me")
        page = await ada.get("/")
        async with asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(
                ada.post("/chat", json={"agent_id": "postern", "message": "hi"})
            )
            await guarded.door.hub.answer_next("hello")

    user = user_of(guarded.provider.issuer, guarded.provider.subject)
    assert "auth/login" in before.text
    assert COOKIE not in before.headers.get("set-cookie", "")
    assert 'content="0;url=../"' in back.text
    assert back.headers["content-security-policy"].startswith("default-src 'none'")
    assert {each.headers["cache-control"] for each in (before, back, me, page)} == {"no-store"}
    assert f"{ATTEMPT_COOKIE}=; Path=/; Max-Age=0" in str(back.headers.get_list("set-cookie"))
    assert me.json() == {
        "user": user,
        "name": "Ada Lovelace",
        "signed_in": True,
        "is_admin": False,
        "identity": f"web:local:{user}",
        "standing": "admitted",
    }
    assert "composer" in page.text
    assert asked.result().status_code == 200
    (said,) = guarded.door.hub.accepted
    assert said.sender.identity.key == f"web:local:{user}"
    assert said.sender.name == "Ada Lovelace"


async def test_the_same_subject_is_the_same_person_under_any_name(guarded: Guarded) -> None:
    users: list[str] = []
    for name, subject in (("Ada", "1"), ("Countess Lovelace", "1"), ("Ada", "2")):
        guarded.provider.name, guarded.provider.subject = name, subject
        async with browser(guarded) as client:
            await signs_in(client)
            users.append((await client.get("/me")).json()["user"])

    assert users[0] == users[1] != users[2]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/agents"),
        ("GET", "/me"),
        ("GET", "/history/postern"),
        ("GET", "/activity/postern"),
        ("GET", "/files/x/0"),
        ("POST", "/chat"),
    ],
)
async def test_who_has_not_signed_in_gets_nothing(guarded: Guarded, method: str, path: str) -> None:
    body = {"agent_id": "postern", "message": "hi"}
    async with browser(guarded) as stranger:
        bare = await stranger.request(method, path, json=body if method == "POST" else None)
        stranger.cookies.set(COOKIE, new_token())
        drawn = await stranger.request(method, path, json=body if method == "POST" else None)

    assert (bare.status_code, drawn.status_code) == (401, 401)
    assert bare.json() == {"error": "Sign in first: the page shows how."}
    assert guarded.door.hub.accepted == []


async def test_no_stream_opens_for_who_has_not_signed_in(guarded: Guarded) -> None:
    with pytest.raises(InvalidStatus) as denied:
        await connect(guarded.door.socket_url("/stream/postern"))

    assert denied.value.response.status_code == 401


async def test_programs_and_the_own_terminal_need_not_sign_in(guarded: Guarded) -> None:
    async with browser(guarded) as program:
        admin = await program.get("/agents", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"})
        terminal = await program.get("/agents", headers={"Cookie": f"{COOKIE}={TERMINAL}"})

    assert (admin.status_code, terminal.status_code) == (200, 200)


async def test_signing_out_ends_the_session_of_this_browser(guarded: Guarded) -> None:
    async with browser(guarded) as ada:
        await signs_in(ada)
        left = await ada.post("/auth/logout")
        after = await ada.get("/agents")

    assert left.status_code == 204
    assert after.status_code == 401


async def test_no_other_site_signs_anybody_out_or_writes(guarded: Guarded) -> None:
    async with browser(guarded) as ada:
        await signs_in(ada)
        foreign = {"Origin": "https://evil.example"}
        out = await ada.post("/auth/logout", headers=foreign)
        wrote = await ada.post(
            "/chat", json={"agent_id": "postern", "message": "hi"}, headers=foreign
        )
        still = await ada.get("/agents")

    assert (out.status_code, wrote.status_code, still.status_code) == (403, 403, 200)


async def test_a_session_ends_by_time(server: WebServer) -> None:
    async with provider(f"http://127.0.0.1:{server.port}{CALLBACK}") as found:
        hub = WebHub(sign_in=sign_in_with(found, session_seconds=0))
        async with server.serving(hub) as door, browser(Guarded(door, found)) as ada:
            back = await signs_in(ada)
            after = await ada.get("/agents")

    assert back.status_code == 200
    assert after.status_code == 401


# -- attacks -------------------------------------------------------------------------------------


async def test_a_sign_in_of_another_browser_is_not_ended_here(guarded: Guarded) -> None:
    async with browser(guarded) as mallory, browser(guarded) as ada:
        location = await to_provider(mallory)
        without = await ada.get(location)
        await ada.get("/auth/login")
        with_another = await ada.get(location)

    assert (without.status_code, with_another.status_code) == (400, 400)
    assert COOKIE not in with_another.headers.get("set-cookie", "").replace(ATTEMPT_COOKIE, "")
    assert guarded.provider.exchanged == 0


async def test_a_sign_in_ends_once(guarded: Guarded) -> None:
    async with browser(guarded) as ada:
        location = await to_provider(ada)
        kept = ada.cookies[ATTEMPT_COOKIE]
        first = await ada.get(location)
        ada.cookies.set(ATTEMPT_COOKIE, kept)
        second = await ada.get(location)

    assert (first.status_code, second.status_code) == (200, 400)
    assert guarded.provider.exchanged == 1


async def test_who_says_no_at_the_provider_is_not_let_in(guarded: Guarded) -> None:
    async with browser(guarded) as ada:
        begun = await ada.get("/auth/login")
        asked = await ada.get(begun.headers["location"])
        found = re.search(r"href='([^']+)'>Not me", asked.text)
        assert found is not None
        refused = await ada.get(urljoin(str(asked.url), unescape(found[1])), follow_redirects=True)

    assert refused.status_code == 403
    assert "did not let you in" in refused.text


async def test_an_error_is_one_also_with_a_code(guarded: Guarded) -> None:
    async with browser(guarded) as ada:
        location = httpx.URL(await to_provider(ada))
        refused = await ada.get(location.copy_merge_params({"error": "access_denied"}))

    assert refused.status_code == 403
    assert guarded.provider.exchanged == 0


async def test_an_endless_code_is_not_asked_about(guarded: Guarded) -> None:
    async with browser(guarded) as ada:
        location = httpx.URL(await to_provider(ada))
        refused = await ada.get(location.copy_merge_params({"code": "x" * 4_001}))

    assert refused.status_code == 403


async def test_who_takes_too_long_begins_again(server: WebServer) -> None:
    async with provider(f"http://127.0.0.1:{server.port}{CALLBACK}") as found:
        watch = Watch()
        hub = WebHub(sign_in=sign_in_with(found, clock=watch))
        async with server.serving(hub) as door, browser(Guarded(door, found)) as ada:
            location = await to_provider(ada)
            watch.ahead = timedelta(seconds=ATTEMPT_SECONDS)
            late = await ada.get(location)

    assert late.status_code == 400
    assert found.exchanged == 0


async def test_nobody_signs_in_under_a_foreign_name(guarded: Guarded) -> None:
    """The address to come back to is made of the name that was asked for."""
    async with browser(guarded) as ada:
        foreign = {"Host": "evil.example"}
        answers = [await ada.get(path, headers=foreign) for path in ("/auth/login", CALLBACK)]

    assert [answer.status_code for answer in answers] == [421, 421]


async def test_an_invented_code_is_refused_by_the_provider(guarded: Guarded) -> None:
    async with browser(guarded) as ada:
        location = httpx.URL(await to_provider(ada))
        forged = location.copy_merge_params({"code": "<script>alert(1)</script>"})
        answer = await ada.get(forged)

    assert answer.status_code == 503
    assert "The sign-in provider refused (400)." in answer.text
    assert "<script>" not in answer.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"nonce": "of another sign-in"},
        {"aud": "another-application"},
        {"iss": "https://evil.example"},
        {"exp": 1},
        {"sub": ""},
    ],
)
async def test_a_wrong_token_signs_nobody_in(guarded: Guarded, wrong: Claims) -> None:
    guarded.provider.spoil = lambda claims: {**claims, **wrong}
    async with browser(guarded) as ada:
        back = await signs_in(ada)
        after = await ada.get("/agents")

    assert back.status_code == 403
    assert "The ID token" in back.text
    assert after.status_code == 401


async def test_a_token_signed_by_somebody_else_signs_nobody_in(guarded: Guarded) -> None:
    async with browser(guarded) as ada:
        await signs_in(ada)
        guarded.provider.key = ec.generate_private_key(ec.SECP256R1())  # under the same name
        back = await signs_in(ada)

    assert back.status_code == 403
    assert "does not fit" in back.text


@pytest.mark.parametrize("change", ["secret", "purpose", "flip", "cut"])
async def test_a_session_that_was_not_sealed_here_is_none(guarded: Guarded, change: str) -> None:
    until = int(SystemClock().now().timestamp()) + 600
    session = Session(until=until, user="oidc-" + "a" * 32, name="Mallory")
    right = Seal(SECRET, "postern session v1").close(session)
    forged = {
        "secret": Seal("another secret entirely", "postern session v1").close(session),
        "purpose": Seal(SECRET, "postern sign-in v1").close(session),
        "flip": right[:5] + ("A" if right[5] != "A" else "B") + right[6:],
        "cut": right.partition(".")[0],
    }[change]

    async with browser(guarded) as mallory:
        known = await mallory.get("/agents", headers={"Cookie": f"{COOKIE}={right}"})
        answer = await mallory.get("/agents", headers={"Cookie": f"{COOKIE}={forged}"})

    assert (known.status_code, answer.status_code) == (200, 401)


async def test_cookies_are_for_our_own_pages_alone(guarded: Guarded) -> None:
    async with browser(guarded) as ada:
        begun = await ada.get("/auth/login")
        back = await signs_in(ada)

    session = next(c for c in back.headers.get_list("set-cookie") if c.startswith(COOKIE))
    assert "HttpOnly; SameSite=Strict" in session
    assert "HttpOnly; SameSite=Lax" in begun.headers["set-cookie"]
