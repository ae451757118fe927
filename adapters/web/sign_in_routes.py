"""The routes by which a browser signs in and out; only there where a provider is set."""

from __future__ import annotations

from html import escape
from urllib.parse import urlsplit

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from adapters.web.answers import status_of
from adapters.web.entrance import Entrance
from adapters.web.guard import PAGE_HEADERS
from adapters.web.sessions import COOKIE
from adapters.web.sign_in import ATTEMPT_SECONDS, SignIn
from gateway.errors import Refused, RetryLater

ATTEMPT_COOKIE = "postern_sign_in"
CALLBACK = "/auth/callback"
"""Where the provider sends browsers back to; it has to be told."""

_PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">{head}
  <meta name="color-scheme" content="light dark">
  <title>Postern</title>
  <link rel="icon" href="../static/icon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="../static/style.css">
</head>
<body>
  <main class="gate">
    <img src="../static/icon.svg" alt="" width="64" height="64">
    <h1>Postern</h1>
    <p role="alert">{sentence}</p>
    <a class="enter" href="{link}">{label}</a>
  </main>
</body>
</html>
"""


def add_sign_in(
    router: APIRouter, sign_in: SignIn, entrance: Entrance, public_url: str | None
) -> None:
    """Add the routes. The page itself shows the way to them."""
    door = _SignInDoor(sign_in, entrance, public_url)
    router.add_api_route("/auth/login", door.begin, methods=["GET"])
    router.add_api_route(CALLBACK, door.end, methods=["GET"])
    router.add_api_route("/auth/logout", door.leave, methods=["POST"])


class _SignInDoor:
    """One method per route; what goes wrong is a page with a sentence."""

    def __init__(self, sign_in: SignIn, entrance: Entrance, public_url: str | None) -> None:
        self._sign_in = sign_in
        self._entrance = entrance
        self._public_url = public_url

    async def begin(self, request: Request) -> Response:
        """Send the browser to the provider."""
        self._entrance.check(request)
        try:
            address, attempt = await self._sign_in.begin(self._origin(request) + CALLBACK)
        except RetryLater as error:
            return _trouble(error)
        response = RedirectResponse(address, 303)
        self._keep_attempt(response, attempt, request, ATTEMPT_SECONDS)
        return response

    async def end(self, request: Request) -> Response:
        """Take the browser back, with a session.

        By a page that goes on by itself, not by a redirect: one that another site
        began would not carry a cookie that is for our own pages alone.
        """
        self._entrance.check(request)
        kept = request.cookies.get(ATTEMPT_COOKIE)
        try:
            session = await self._sign_in.end(request.query_params, kept)
        except (Refused, RetryLater) as error:
            response = _trouble(error)
        else:
            response = _page(200, "You are signed in.", "../", "Go on", goes_on=True)
            seconds = self._sign_in.session_seconds
            cookie = self._entrance.kept(COOKIE, session, request, seconds=seconds)
            response.headers.append("Set-Cookie", cookie)
        self._keep_attempt(response, "", request, 0)
        return response

    async def leave(self, request: Request) -> Response:
        """End the session of this browser."""
        self._entrance.check(request)
        response = Response(status_code=204)
        cookie = self._entrance.kept(COOKIE, "", request, seconds=0)
        response.headers.append("Set-Cookie", cookie)
        return response

    def _keep_attempt(
        self, response: Response, attempt: str, request: Request, seconds: int
    ) -> None:
        # Lax: the provider's page is another site, and sends the browser back to us.
        cookie = self._entrance.kept(ATTEMPT_COOKIE, attempt, request, seconds=seconds, site="Lax")
        response.headers.append("Set-Cookie", cookie)

    def _origin(self, request: Request) -> str:
        """Return under which address the browser comes back: its Host is checked by then."""
        if self._public_url is not None:
            return self._public_url
        url = urlsplit(str(request.url))
        return f"{url.scheme}://{url.netloc}"


def _trouble(error: Refused | RetryLater) -> Response:
    return _page(status_of(error), str(error), "login", "Sign in")


def _page(status: int, sentence: str, link: str, label: str, *, goes_on: bool = False) -> Response:
    head = f'\n  <meta http-equiv="refresh" content="0;url={link}">' if goes_on else ""
    body = _PAGE.format(head=head, sentence=escape(sentence), link=link, label=label)
    return HTMLResponse(body, status, PAGE_HEADERS)
