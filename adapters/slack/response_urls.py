"""Answers a slash command at its response_url: for its person alone, or where the app is not."""

from __future__ import annotations

import aiohttp
from slack_sdk.webhook.async_client import AsyncWebhookClient

from adapters.slack.failures import failure_of
from adapters.slack.handles import Handle
from adapters.slack.recent import Recent
from adapters.slack.web_api import Json
from adapters.slack.workspaces import Workspaces
from gateway.errors import DeliveryRefused, OutcomeUnknown, RetryLater
from gateway.ports import Clock

USES = 5
"""Posts that one response_url takes, within 30 minutes (docs.slack.dev/interactivity)."""

_WORN_OUT = frozenset({"expired_url", "invalid_url", "used_url"})


class UrlWornOut(DeliveryRefused):
    """The response_url takes nothing more."""


class ResponseUrls:
    """Posts once per call: a client that repeats a cut request would post twice."""

    def __init__(self, workspaces: Workspaces, clock: Clock) -> None:
        self._workspaces = workspaces
        self._clock = clock
        self._uses: Recent[str, int] = Recent()

    async def post(self, handle: Handle, body: Json) -> None:
        """Post an answer. Raises UrlWornOut, RetryLater, OutcomeUnknown or DeliveryRefused."""
        uses = self._uses.get(handle.url) or 0
        if not handle.url or uses >= USES or self._clock.now() >= handle.expires_at:
            raise UrlWornOut("The response_url of this command takes nothing more.")
        self._uses.put(handle.url, uses + 1)
        client = AsyncWebhookClient(
            handle.url, session=self._workspaces.session(), retry_handlers=[]
        )
        try:
            answer = await client.send_dict(dict(body))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise RetryLater(f"Slack can not be reached at a response_url: {error!r}.") from error
        except (aiohttp.ClientError, OSError) as error:
            raise OutcomeUnknown(f"The connection broke at a response_url: {error!r}.") from error
        if answer.status_code == 200:
            return
        if any(code in answer.body for code in _WORN_OUT):
            raise UrlWornOut(f"Slack takes nothing more at the response_url: {answer.body[:80]}")
        code = answer.body[:80] if 400 <= answer.status_code < 500 else None
        retry_after = answer.headers.get("Retry-After")
        raise failure_of("response_url", answer.status_code, code, retry_after, is_write=True)
