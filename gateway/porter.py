"""Brings requests that were verified elsewhere to the doors that read them."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.domain.handed import DISCORD, PATHS, SLACK, VERIFIED, Handed, Kept
from gateway.errors import StoreUnavailable
from gateway.place import Place
from gateway.ports import Clock, HandedStore

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.2
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.1, 5.0
_BUG_TRIES = 5
_BATCH = 50
_BROKEN, _NOT_READY = 500, 503
ASIDE = "aside:"
"""Stands before the path of what was set aside."""
_ANSWER = 4
"""Discord's type of an answer with a text."""


@dataclass(frozen=True, slots=True)
class LateAnswer:
    """What a door said after its platform had been acknowledged: a call of ours to bring it."""

    method: str
    url: str
    body: dict[str, Any]


def late_answer(handed: Handed, said: bytes, discord_api: str) -> LateAnswer | None:
    """Return how a person hears what the door said to them; None for what says nothing.

    Discord's "is thinking" is edited ("Edit Original Interaction Response"); Slack's
    commands have a response_url ("Handling user interaction").
    """
    if handed.path == DISCORD:
        return _to_discord(_object(handed.body), _object(said), discord_api)
    if handed.path == SLACK and said:
        return _to_slack(handed, said)
    return None


def _to_discord(asked: Any, said: Any, api: str) -> LateAnswer | None:
    if said.get("type") != _ANSWER or "application_id" not in asked:
        return None
    place = f"{api}/webhooks/{asked['application_id']}/{asked.get('token')}"
    body: dict[str, Any] = {"allowed_mentions": {"parse": []}, **said.get("data", {})}
    return LateAnswer("PATCH", f"{place}/messages/@original", body)


def _to_slack(handed: Handed, said: bytes) -> LateAnswer | None:
    asked = httpx.QueryParams(handed.body.decode(errors="replace"))
    url = asked.get("response_url")
    if not url or said.startswith(b"{"):
        return None
    text = said.decode(errors="replace")
    return LateAnswer("POST", url, {"response_type": "ephemeral", "text": text})


class Doors:
    """The gateway's own routes, told that a request was verified before."""

    def __init__(self, app: ASGIApp, discord_api: str) -> None:
        self._discord_api = discord_api
        transport = httpx.ASGITransport(app=_as_verified(app), raise_app_exceptions=False)
        self._inside = httpx.AsyncClient(transport=transport, base_url="http://inside")

    async def take(self, handed: Handed) -> int:
        """Bring a request to its door; return the answer's status once it is stored or refused.

        While the store or the door is not ready it is tried again, so that what was
        acknowledged elsewhere is let go only when it is kept.
        """
        wait, bugs = _FIRST_WAIT_SECONDS, 0
        while True:
            answer = await self._ask(handed)
            bugs += answer.status_code > 499 and answer.status_code != _NOT_READY
            if answer.status_code < 500 or bugs >= _BUG_TRIES:
                break
            await asyncio.sleep(wait)
            wait = min(_LONGEST_WAIT_SECONDS, wait * 2)
        if answer.status_code >= 400:
            details = {"path": handed.path, "status": answer.status_code}
            log.error("handed_request_refused", extra=details)
        await self._tell(late_answer(handed, answer.content, self._discord_api))
        return answer.status_code

    async def close(self) -> None:
        """Let the inner client go."""
        await self._inside.aclose()

    async def _ask(self, handed: Handed) -> httpx.Response:
        headers = dict(handed.headers)
        return await self._inside.post(handed.path, content=handed.body, headers=headers)

    async def _tell(self, answer: LateAnswer | None) -> None:
        """Best effort: the request itself is done with."""
        if answer is None:
            return
        try:
            async with httpx.AsyncClient(timeout=10) as client:
                await client.request(answer.method, answer.url, json=answer.body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            log.warning("late_answer_not_told", extra={"error": type(error).__name__})


class Porter:
    """Carries what waits in the store to its doors: one process at a time, in order by path.

    What its door fails at is set aside, because it was acknowledged: the next process
    that begins to carry tries it again.
    """

    def __init__(
        self,
        waiting: HandedStore,
        take: Callable[[Handed], Awaitable[int]],
        place: Place,
        clock: Clock,
    ) -> None:
        self._waiting = waiting
        self._take = take
        self._place = place
        self._clock = clock

    async def run(self) -> None:
        """Carry until cancelled, whenever no other process does."""
        await self._place.run(self._carry)

    async def _carry(self) -> None:
        """A platform that is not ready is not in the way of the others."""
        async with asyncio.TaskGroup() as group:
            for path in PATHS:
                group.create_task(self._carry_to(path))

    async def _carry_to(self, path: str) -> None:
        is_new = True
        while True:
            some: Sequence[Kept] = ()
            try:
                if is_new:
                    await self._take_back(path)
                    is_new = False
                some = await self._waiting.oldest(path, _BATCH)
                for kept in some:
                    if await self._take(kept.handed) >= _BROKEN:
                        await self._move(kept, ASIDE + path)
                    else:
                        await self._waiting.drop([kept.number])
            except StoreUnavailable as error:
                log.warning("handed_requests_wait", extra={"error": str(error)})
            if not some:
                await asyncio.sleep(_POLL_SECONDS)

    async def _take_back(self, path: str) -> None:
        for kept in await self._waiting.oldest(ASIDE + path, _BATCH):
            await self._move(kept, path)

    async def _move(self, kept: Kept, path: str) -> None:
        """A crash in between leaves it twice, which its door takes for one."""
        await self._waiting.keep(replace(kept.handed, path=path), self._clock.now())
        await self._waiting.drop([kept.number])


def _as_verified(app: ASGIApp) -> ASGIApp:
    async def verified(scope: Scope, receive: Receive, send: Send) -> None:
        # ASGI's extensions are the server's alone to give: no request can bring this one.
        await app({**scope, "extensions": {VERIFIED: {}}}, receive, send)

    return verified


def _object(body: bytes) -> Any:
    """Return the JSON object; an empty one for what is none."""
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, object]", found) if isinstance(found, dict) else {}
