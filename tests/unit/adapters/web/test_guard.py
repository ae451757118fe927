"""Only requests that were made for this server, by its own pages or programs, come in."""

from __future__ import annotations

import pytest
from starlette.requests import HTTPConnection

from adapters.web.entrance import Entrance
from adapters.web.guard import Guard, TurnedAway, WebOptions, bearer
from gateway.domain.people import Route
from gateway.domain.routing import Routing


def _request(**headers: str) -> HTTPConnection:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "headers": raw, "scheme": "http", "path": "/", "query_string": b""}
    return HTTPConnection(scope)


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "[::1]:8080", "LOCALHOST"])
def test_loopback_names_are_ours(host: str) -> None:
    Guard(WebOptions()).check(_request(host=host))


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "[", "192.168.1.5"])
def test_a_rebound_name_is_refused(host: str) -> None:
    with pytest.raises(TurnedAway) as refused:
        Guard(WebOptions()).check(_request(host=host))

    assert refused.value.status == 421


def test_the_public_and_the_configured_name_are_ours() -> None:
    guard = Guard(WebOptions(host="box.lan", public_url="https://chat.example.org/"))

    guard.check(_request(host="chat.example.org"))
    guard.check(_request(host="box.lan:8080"))


def test_a_server_on_all_addresses_is_reached_by_address_but_not_by_foreign_names() -> None:
    guard = Guard(WebOptions(host="0.0.0.0"))  # noqa: S104 - nothing is bound

    guard.check(_request(host="192.168.1.5:8080"))
    with pytest.raises(TurnedAway):
        guard.check(_request(host="evil.example"))


@pytest.mark.parametrize(
    "origin",
    [
        *("https://evil.example", "null", "http://localhost:3000", "http://127.0.0.1:8080"),
        *("http://localhost:8080.evil.example", "file://"),
    ],
)
def test_pages_of_other_origins_are_refused(origin: str) -> None:
    with pytest.raises(TurnedAway) as refused:
        Guard(WebOptions()).check(_request(host="localhost:8080", origin=origin))

    assert refused.value.status == 403


def test_our_own_pages_come_in_also_through_a_proxy() -> None:
    guard = Guard(WebOptions(public_url="https://chat.example.org"))

    guard.check(_request(host="localhost:8080", origin="http://localhost:8080"))
    guard.check(_request(host="127.0.0.1:8080", origin="https://chat.example.org"))


def test_a_page_without_tls_is_another_site_than_ours_with_it() -> None:
    guard = Guard(WebOptions(public_url="https://chat.example.org"))

    guard.check(_request(host="chat.example.org", origin="https://chat.example.org"))
    with pytest.raises(TurnedAway):
        guard.check(_request(host="chat.example.org", origin="http://chat.example.org"))


def test_only_the_admin_token_makes_an_admin() -> None:
    guard = Guard(WebOptions(admin_token="secret"))

    assert guard.is_admin("secret")
    assert bearer(_request(authorization="Bearer secret")) == "secret"
    assert bearer(_request()) is None
    assert bearer(_request(authorization="Basic c2VjcmV0")) is None


@pytest.mark.parametrize("token", ["wrong", "", "sécret"])
@pytest.mark.parametrize("known", ["secret", None])
async def test_a_wrong_token_is_refused(token: str, known: str | None) -> None:
    entrance = Entrance(
        Guard(WebOptions(admin_token=known)), Routing({"postern": Route("postern")}), None
    )

    with pytest.raises(TurnedAway) as refused:
        await entrance.reader(_request(authorization=f"Bearer {token}"))

    assert refused.value.status == 401


def test_the_cookie_is_secure_behind_a_tls_proxy_only() -> None:
    guard = Guard(WebOptions(public_url="https://chat.example.org"))

    assert guard.is_secure(_request(host="chat.example.org"))
    assert not guard.is_secure(_request(host="localhost:8080"))
