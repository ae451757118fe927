"""What people are called, asked from Slack once and kept for a while."""

from __future__ import annotations

import asyncio
import logging

from adapters.slack.answers import KnownTold
from adapters.slack.calls import SlackCalls
from adapters.slack.options import Options
from adapters.slack.recent import Recent
from adapters.slack.web_api import answered
from gateway.domain.people import Identity
from gateway.errors import PosternError

log = logging.getLogger(__name__)

ASK_AGAIN_SECONDS = 60.0
"""After Slack did not tell a name, the id stands in for it so long."""


class Names:
    """Display names by account. Events carry none, and an agent should know who speaks.

    Messages of one person wait for the same answer, so that they stay in order.
    """

    def __init__(self, calls: SlackCalls, options: Options) -> None:
        self._calls = calls
        self._timeout = options.name_timeout_seconds
        self._known: Recent[Identity, str] = Recent()
        self._untold: Recent[Identity, float] = Recent()
        self._asked: dict[Identity, asyncio.Event] = {}

    async def name_of(self, account: Identity, team: str) -> str:
        """Return the display name; the user id when Slack does not tell it to `team` in time."""
        asked = self._asked.get(account)
        if asked is not None:
            await asked.wait()
        elif self._is_worth_asking(account):
            await self._find_out(account, team)
        return self._known.get(account) or account.user

    def _is_worth_asking(self, account: Identity) -> bool:
        untold_until = self._untold.get(account) or 0.0
        return self._known.get(account) is None and _now() >= untold_until

    async def _find_out(self, account: Identity, team: str) -> None:
        answered = self._asked[account] = asyncio.Event()
        try:
            async with asyncio.timeout(self._timeout):
                self._known.put(account, await self._ask(account, team))
        except (PosternError, TimeoutError) as error:
            self._untold.put(account, _now() + ASK_AGAIN_SECONDS)
            log.info("name_not_told", extra={"user": account.user, "error": str(error)})
        finally:
            del self._asked[account]
            answered.set()

    async def _ask(self, account: Identity, team: str) -> str:
        answer = await self._calls.read(team, "users.info", {"user": account.user})
        user = answered(KnownTold, "users.info", answer).user
        return user.profile.display_name or user.real_name or user.name or account.user


def _now() -> float:
    return asyncio.get_running_loop().time()
