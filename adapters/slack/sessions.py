"""The connections to Slack that all calls share, and clients that never repeat a call."""

from __future__ import annotations

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.options import Options


class Sessions:
    """Opens its connections at the first call, and after `close` anew."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._session: aiohttp.ClientSession | None = None

    def web_client(self, token: str | None) -> AsyncWebClient:
        """Return a client with this token. It never repeats a call by itself.

        slack_sdk's default client repeats a call whose connection was cut, which
        posts twice when only the reply was lost.
        """
        return AsyncWebClient(
            token=token,
            base_url=self._options.api_url,
            session=self.session(),
            retry_handlers=[],
        )

    def session(self) -> aiohttp.ClientSession:
        """Return the connections to Slack, shared by all calls."""
        if self._session is None or self._session.closed:
            timeout = aiohttp.ClientTimeout(total=self._options.call_timeout_seconds)
            connector = aiohttp.TCPConnector(limit=200)
            self._session = aiohttp.ClientSession(timeout=timeout, connector=connector)
        return self._session

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
