"""`/slack/install` and `/slack/oauth_redirect`: a workspace lets the app in.

Source: docs.slack.dev/authentication/installing-with-oauth.
"""

from __future__ import annotations

import hashlib
import html
import logging
import secrets
from datetime import timedelta
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from adapters.slack.grants import Grants
from adapters.slack.options import OAuth
from adapters.slack.turnstile import Turnstile
from gateway.errors import OutcomeUnknown, PosternError, Refused, RetryLater, StoreUnavailable
from gateway.ports import Clock, InstallationStore

log = logging.getLogger(__name__)

STATE_LIFE = timedelta(minutes=10)
COOKIE = "postern_slack_install"
"""Holds the state too, so that the link of one browser can not be finished in another."""

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


class InstallPages:
    """Sends people to Slack, and keeps what Slack grants when they come back."""

    def __init__(
        self, oauth: OAuth, grants: Grants, store: InstallationStore, clock: Clock
    ) -> None:
        self._oauth = oauth
        self._grants = grants
        self._store = store
        self._clock = clock
        self._turnstile = Turnstile()

    def add_to(self, router: APIRouter) -> None:
        """Serve both pages."""
        router.add_route("/slack/install", self.begin, methods=["GET"])
        router.add_route("/slack/oauth_redirect", self.finish, methods=["GET"])

    async def begin(self, request: Request) -> Response:
        """Send the browser to Slack, with a state that is good once and for ten minutes."""
        now = self._clock.now()
        address = request.client.host if request.client else ""
        if not self._turnstile.lets(address, now):
            answer = _page(
                429, "Not now", "Too many have just begun. Please try again in a minute."
            )
            answer.headers["Retry-After"] = "60"
            return answer
        state = secrets.token_urlsafe(32)
        try:
            await self._store.keep_state(_digest(state), now + STATE_LIFE, now)
        except StoreUnavailable:
            return _page(503, "Not now", "Nothing was begun. Please try again in a moment.")
        answer = RedirectResponse(f"{self._oauth.authorize_url}?{self._query(state)}", 302)
        answer.headers.update(_HEADERS)
        answer.set_cookie(
            COOKIE,
            state,
            max_age=int(STATE_LIFE.total_seconds()),
            path="/slack/oauth_redirect",
            secure=(self._oauth.redirect_uri or "").startswith("https:"),
            httponly=True,
            samesite="lax",
        )
        return answer

    async def finish(self, request: Request) -> Response:
        """Trade the code for a token, and keep it."""
        query = request.query_params
        state = query.get("state", "")
        if not await self._is_ours(state, request.cookies.get(COOKIE, "")):
            return _failed(400, "This link is used, too old, or of another browser.")
        if "code" not in query:
            return _failed(400, "Slack says that nobody agreed to it.")
        try:
            grant = await self._grants.install(query["code"])
        except (Refused, RetryLater, OutcomeUnknown) as error:
            return await self._not_installed(state, error)
        answer = _page(200, "Installed", f"Postern is now in {grant.name}. Write to it there.")
        answer.delete_cookie(COOKIE, path="/slack/oauth_redirect")
        return answer

    async def _not_installed(self, state: str, error: PosternError) -> Response:
        """Say on the page, in the log and in the audit log that nothing was installed, and why."""
        match error:
            case Refused():
                kind, page = Refused, _failed(400, "Slack did not take the code of this link.")
            case OutcomeUnknown():
                sentence = "Slack gave no answer that can be used, and nothing was kept."
                kind, page = OutcomeUnknown, _failed(502, sentence)
            case _:
                sentence = "Slack or the database can not be reached now."
                kind, page = RetryLater, _failed(503, sentence)
        reason = f"{kind.__name__}: {error}"
        log.warning("installation_failed", extra={"error": reason})
        try:
            await self._store.fail("slack", _digest(state), reason, self._clock.now())
        except StoreUnavailable as away:
            log.warning("installation_failure_not_kept", extra={"error": str(away)})
        return page

    def _query(self, state: str) -> str:
        query = {
            "client_id": self._oauth.client_id,
            "scope": ",".join(self._oauth.scopes),
            "state": state,
        }
        if self._oauth.redirect_uri is not None:
            query["redirect_uri"] = self._oauth.redirect_uri
        return urlencode(query)

    async def _is_ours(self, state: str, cookie: str) -> bool:
        if not state or not secrets.compare_digest(state.encode(), cookie.encode()):
            return False
        try:
            return await self._store.use_state(_digest(state), self._clock.now())
        except StoreUnavailable:
            return False


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()


def _failed(status: int, sentence: str) -> HTMLResponse:
    return _page(status, "Not installed", sentence, '<a href="/slack/install">Begin again</a>')


def _page(status: int, title: str, sentence: str, below: str = "") -> HTMLResponse:
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<h1>{title}</h1><p>{html.escape(sentence)}</p>{below}</html>"
    )
    return HTMLResponse(text, status, headers=_HEADERS)
