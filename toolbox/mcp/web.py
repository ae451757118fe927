"""Pages of the web, fetched by whoever is handed in: it guards where requests go."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.domain.ids import AgentId
from gateway.domain.tools import Caller
from gateway.ports import Clock
from gateway.text.fence import fenced
from toolbox.registry import Tool, tool_from

MOST_CACHED = 200


@dataclass(frozen=True, slots=True)
class WebOptions:
    """How pages are read."""

    cache: timedelta = timedelta(minutes=1)
    """For so long a page is given again; only to the agent that had it fetched."""


def web_tools(
    read: Callable[[str], Awaitable[str]], clock: Clock, options: WebOptions | None = None
) -> list[Tool]:
    """Return the tools; `read` returns a page's text and raises BadInput where it refuses."""
    cache = _Cache((options or WebOptions()).cache)

    async def fetch(caller: Caller, url: str) -> str:
        """Fetch a page or a feed of the public internet, as text.

        Args:
            url: Its address, with http or https.
        """
        known = cache.get(caller.agent, url, clock.now())
        if known is None:
            known = await read(url)
            cache.put(caller.agent, url, known, clock.now())
        return fenced(f'"{url}"', known)

    return [tool_from(fetch)]


class _Cache:
    """Pages by agent and address; the oldest go first."""

    def __init__(self, length: timedelta) -> None:
        self._length = length
        self._pages: OrderedDict[tuple[AgentId, str], tuple[datetime, str]] = OrderedDict()

    def get(self, agent: AgentId, url: str, now: datetime) -> str | None:
        """Return the page; None when it is not there, or too old."""
        found = self._pages.get((agent, url))
        return found[1] if found is not None and now < found[0] + self._length else None

    def put(self, agent: AgentId, url: str, text: str, now: datetime) -> None:
        """Keep the page."""
        self._pages.pop((agent, url), None)
        self._pages[agent, url] = (now, text)
        while len(self._pages) > MOST_CACHED:
            self._pages.popitem(last=False)
