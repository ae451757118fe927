"""Tells the app what happens: signs, sends, waits for the 2xx, and tries again with the same id.

Events are tried again; slash commands and interactions (interactions.py) are not.
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import urlencode

import aiohttp

from tests.platforms.slack_server.shapes import Json
from tests.platforms.slack_server.socket_mode import Sockets
from tests.platforms.slack_server.state import Workspace
from tests.platforms.slack_server.world import World


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to hand an event over."""

    event_id: str
    event_type: str
    number: int  # 0 is the first
    via: str  # "http" or "socket"
    status: int | None  # of the HTTP answer; 200 for an acknowledged envelope
    reason: str | None  # why it failed, in Slack's words; None when it was accepted
    latency_seconds: float

    @property
    def is_accepted(self) -> bool:
        return self.reason is None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended; `is_final` when no further one is wanted."""

    status: int | None
    reason: str | None
    is_final: bool = False


@dataclass(slots=True)
class Dispatch:
    """An event on its way. `tried` is set after the first attempt."""

    workspace: Workspace
    payload: Json
    via: str
    after: asyncio.Event | None = None
    tried: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def event_type(self) -> str:
        event: Json = self.payload["event"]
        return event["type"]


def sign(secret: str, body: bytes, at: float) -> dict[str, str]:
    """Slack's v0 signature over `v0:timestamp:body`; `at` is real time, as receivers check it."""
    stamp = str(int(at))
    digest = hmac.new(
        secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256
    ).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}


class EventSender:
    """Sends over HTTP when a URL is set, else over Socket Mode.

    `attempts` remembers every try with its latency.
    """

    def __init__(
        self,
        world: World,
        sockets: Sockets,
        session: aiohttp.ClientSession,
        start: Callable[[Coroutine[object, object, None]], object],
    ) -> None:
        self.url: str | None = None
        self.attempts: list[Attempt] = []
        self.in_flight = 0
        self._world = world
        self._sockets = sockets
        self._session = session
        self._start = start
        self._numbers = count(1)
        self._lanes: dict[tuple[str, str], Dispatch] = {}
        self._held: list[Dispatch] = []

    @property
    def via(self) -> str:
        return "http" if self.url else "socket"

    def publish(self, workspace: Workspace, event: Json) -> str | None:
        """Send an event in the background; its id, or None when nobody subscribed to it."""
        if not self._is_subscribed(event):
            return None
        dispatch = Dispatch(workspace, self._envelope(workspace, event), self.via)
        fault = self._world.faults.take_for_event(event["type"])
        match fault.kind if fault else None:
            case "drop":
                pass
            case "swap":
                self._held.append(dispatch)
            case "duplicate":
                copies = fault.copies if fault else 0
                for _ in range(copies):
                    self._launch(Dispatch(workspace, dispatch.payload, dispatch.via))
                self._launch(dispatch)
            case "both_ways":
                self._launch(Dispatch(workspace, dispatch.payload, "socket"))
                self._launch(dispatch)
            case None:
                self._launch_in_order(dispatch, event)
        return dispatch.payload["event_id"]

    def _is_subscribed(self, event: Json) -> bool:
        subscriptions = self._world.settings.subscriptions
        if subscriptions is None:
            return True
        kind = {"channel": "channels", "group": "groups"}.get(
            event.get("channel_type", ""), event.get("channel_type")
        )
        name = f"message.{kind}" if event["type"] == "message" else event["type"]
        return name in subscriptions

    def _envelope(self, workspace: Workspace, event: Json) -> Json:
        number = next(self._numbers)
        enterprise = self._world.installations.enterprise
        authorization: Json = {
            "enterprise_id": enterprise,
            "team_id": workspace.id,
            "user_id": workspace.bot.id,
            "is_bot": True,
            "is_enterprise_install": enterprise is not None,
        }
        return {
            "token": self._world.app.verification_token,
            "team_id": workspace.id,
            "context_team_id": workspace.id,
            "context_enterprise_id": enterprise,
            "api_app_id": workspace.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": f"Ev{number:010d}",
            "event_time": int(self._world.now()),
            "authorizations": [authorization],
            "is_ext_shared_channel": False,
            "event_context": f"4-{number}",
        }

    def _launch_in_order(self, dispatch: Dispatch, event: Json) -> None:
        lane = (dispatch.workspace.id, str(event.get("channel", "")))
        if self._world.settings.ordered_per_channel and lane in self._lanes:
            dispatch.after = self._lanes[lane].tried
        self._lanes[lane] = dispatch
        self._launch(dispatch)
        held, self._held = self._held, []
        for earlier in held:
            earlier.after = dispatch.tried
            self._launch(earlier)

    def _launch(self, dispatch: Dispatch) -> None:
        self.in_flight += 1
        self._start(self._deliver(dispatch))

    async def _deliver(self, dispatch: Dispatch) -> None:
        try:
            if dispatch.after is not None:
                await dispatch.after.wait()
                dispatch.after = None
            first = await self._try(dispatch, 0, None)
            dispatch.tried.set()
            await self._retry(dispatch, first)
        finally:
            dispatch.tried.set()
            self.in_flight -= 1
            self._world.pulse.beat()

    async def _retry(self, dispatch: Dispatch, last: Outcome) -> None:
        """Try again until it is accepted, refused for good, or the settings' delays are used up."""
        number = 0
        while not last.is_final and number < len(self._world.settings.retry_delays_seconds):
            await asyncio.sleep(self._world.settings.retry_delays_seconds[number])
            number += 1
            last = await self._try(dispatch, number, last.reason)

    async def _try(self, dispatch: Dispatch, number: int, last_reason: str | None) -> Outcome:
        started = time.perf_counter()
        attempt = self._try_http if dispatch.via == "http" else self._try_socket
        outcome = await attempt(dispatch, number, last_reason)
        self.attempts.append(
            Attempt(
                dispatch.payload["event_id"],
                dispatch.event_type,
                number,
                dispatch.via,
                outcome.status,
                outcome.reason,
                time.perf_counter() - started,
            )
        )
        self._world.pulse.beat()
        return outcome

    async def _try_http(self, dispatch: Dispatch, number: int, last_reason: str | None) -> Outcome:
        headers = {"Content-Type": "application/json"}
        if number:
            headers |= {
                "X-Slack-Retry-Num": str(number),
                "X-Slack-Retry-Reason": last_reason or "unknown_error",
            }
        body = json.dumps(dispatch.payload).encode()
        try:
            status, answer_headers, _ = await self.post_signed(self.url or "", body, headers)
        except TimeoutError:
            return Outcome(None, "http_timeout")
        except aiohttp.TooManyRedirects:
            return Outcome(None, "too_many_redirects")
        except aiohttp.ClientConnectionError:
            return Outcome(None, "connection_failed")
        except aiohttp.ClientError:
            return Outcome(None, "unknown_error")
        if 200 <= status < 300:
            return Outcome(status, None, is_final=True)
        return Outcome(status, "http_error", answer_headers.get("X-Slack-No-Retry") == "1")

    async def _try_socket(
        self, dispatch: Dispatch, number: int, last_reason: str | None
    ) -> Outcome:
        retry: Json = {"retry_attempt": number, "retry_reason": last_reason or ""}
        try:
            await self._sockets.send("events_api", dispatch.payload, **retry)
        except TimeoutError:
            return Outcome(None, "timeout")
        except ConnectionError:
            return Outcome(None, "connection_failed")
        return Outcome(200, None, is_final=True)

    async def post_signed(
        self, url: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, Mapping[str, str], str]:
        """POST with a fresh signature; status, headers and body of the answer.

        TimeoutError after the acknowledgement time.
        """
        signed = {**headers, **sign(self._world.app.signing_secret, body, time.time())}
        timeout = aiohttp.ClientTimeout(total=self._world.settings.ack_timeout_seconds)
        async with self._session.post(
            url, data=body, headers=signed, timeout=timeout, max_redirects=2
        ) as answer:
            return answer.status, answer.headers, await answer.text()

    async def post_form(self, url: str, form: dict[str, str]) -> tuple[int, str]:
        """POST a signed form, as slash commands and interactions arrive."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        status, _, text = await self.post_signed(url, urlencode(form).encode(), headers)
        return status, text

    async def verify_url(self, url: str) -> bool:
        """The url_verification handshake; True when the challenge came back."""
        challenge: Json = {
            "token": self._world.app.verification_token,
            "challenge": "3eZbrw1a",
            "type": "url_verification",
        }
        body = json.dumps(challenge).encode()
        status, _, text = await self.post_signed(url, body, {"Content-Type": "application/json"})
        return status == 200 and "3eZbrw1a" in text
