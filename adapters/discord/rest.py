"""Our calls to Discord's REST API, over discord.py's HTTP client and its rate limits."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import discord
from discord.http import HTTPClient, Route

from adapters.discord.failures import NETWORK_ERRORS, translate
from adapters.discord.pace import Pace, Urgency
from gateway.errors import RetryLater

Json = dict[str, Any]  # Discord's own JSON: read by pydantic, written by `outbound`

_LOGIN_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that goes out with a message."""

    name: str
    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Call:
    """One REST call, as discord.py's `Route` takes it."""

    method: str
    path: str
    """With {names} in braces; `channel_id`, `webhook_id` and `webhook_token` part the buckets."""
    ids: Mapping[str, str]
    body: Json | list[Json] | None = None
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    uploads: tuple[Upload, ...] = ()
    is_repeatable: bool = True
    """Whether doing it twice does no harm."""
    urgency: Urgency = Urgency.ANSWER


class Rest:
    """Makes calls at a pace that the bot is allowed.

    Raises RetryLater (surely not carried out), OutcomeUnknown (only of calls that
    are not repeatable) and DiscordRefused.
    """

    def __init__(self, pace: Pace, timeout_seconds: float) -> None:
        self._pace = pace
        self._timeout_seconds = timeout_seconds
        self._http: HTTPClient | None = None
        self._opened = asyncio.Event()
        self.bot_id = ""
        """The bot's own account; known once a call was made."""

    @property
    def is_open(self) -> bool:
        """Whether calls can be made."""
        return self._http is not None

    @property
    def has_room(self) -> bool:
        """Whether there is room for calls that may as well be left out."""
        return self._pace.has_room

    def open(self, http: HTTPClient, bot_id: str) -> None:
        """Use this client from now on; it is logged in as this bot."""
        self._http, self.bot_id = http, bot_id
        self._opened.set()

    def close(self) -> None:
        """Make no more calls."""
        self._http = None
        self._opened.clear()

    async def call(self, call: Call) -> Any:
        """Make the call when the pace allows it; return what Discord answered."""
        await self._until_open()
        if not _is_of_an_interaction(call):
            await self._pace.take(call.urgency)
        return await self._make(call)

    async def hint(self, call: Call) -> bool:
        """Make a call that may as well be left out; False when there is no room for it now."""
        has_room = _is_of_an_interaction(call) or self._pace.try_take()
        if has_room and self.is_open:
            await self._make(call)
        return has_room

    async def _until_open(self) -> None:
        """Wait a little for the login: what was left unsent by a stop goes out first of all."""
        try:
            async with asyncio.timeout(_LOGIN_SECONDS):
                await self._opened.wait()
        except TimeoutError:
            raise RetryLater("Discord is not connected.") from None

    async def _make(self, call: Call) -> Any:
        if self._http is None:
            raise RetryLater("Discord is not connected.")
        route = Route(call.method, call.path, **call.ids)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._http.request(route, **_arguments(call))
        except (discord.DiscordException, *NETWORK_ERRORS) as error:
            raise translate(error, is_repeatable=call.is_repeatable) from error
        except RuntimeError as error:
            # aiohttp's word for a session that was closed under a call.
            raise translate(error, is_repeatable=call.is_repeatable) from error


def _is_of_an_interaction(call: Call) -> bool:
    """These are outside the global limit ("Rate Limits", developer reference)."""
    return call.path.startswith(("/interactions/", "/webhooks/"))


def _arguments(call: Call) -> dict[str, Any]:
    """Return what `HTTPClient.request` takes beside the route."""
    if not call.uploads:
        arguments: dict[str, Any] = {} if call.body is None else {"json": call.body}
        return arguments | ({"params": dict(call.query)} if call.query else {})
    files = [discord.File(io.BytesIO(one.data), filename=one.name) for one in call.uploads]
    parts = [
        {
            "name": f"files[{number}]",
            "value": file.fp,
            "filename": file.filename,
            "content_type": upload.media_type,
        }
        for number, (file, upload) in enumerate(zip(files, call.uploads, strict=True))
    ]
    return {
        "files": files,
        "form": [{"name": "payload_json", "value": json.dumps(call.body)}, *parts],
    }
