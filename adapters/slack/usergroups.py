"""Who is in a usergroup, asked of Slack and remembered for a minute."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from adapters.slack.answers import UsergroupMembers
from adapters.slack.calls import SlackCalls
from adapters.slack.options import Options
from adapters.slack.web_api import answered
from adapters.slack.workspaces import Workspaces
from gateway.domain.circles import Circle
from gateway.domain.people import Identity
from gateway.errors import PosternError, RetryLater
from gateway.ports import Clock, Store

REMEMBERED_SECONDS = 60.0
"""Slack takes 20 such calls in a minute from a workspace ("Tier 2", Slack's rate limits)."""
_FAILED_SECONDS = 5.0
"""So long nobody waits again for what Slack did not tell a moment ago."""
_PATIENCE_SECONDS = 2.0
"""Slack wants its 200 within three."""
_METHOD = "usergroups.users.list"


class Usergroups:
    """Knows the members of the usergroups that it was asked for. It needs `usergroups:read`."""

    def __init__(self, options: Options, store: Store, clock: Clock) -> None:
        self._options = options
        self._store = store
        self._clock = clock
        self._members: dict[str, tuple[frozenset[str], float]] = {}
        """By key: their user ids, and until when they are believed."""
        self._failed: dict[str, tuple[str, float]] = {}
        """By key: why Slack did not tell, and until when it is not asked again."""
        self._turn = asyncio.Lock()
        """Those who ask at once share one answer; each call has its own short patience."""

    async def circles_of(self, identity: Identity, circles: Sequence[Circle]) -> Collection[str]:
        """Return the usergroups that an account of the same workspace is in.

        An account of another workspace, in a shared channel, is in none. Raises RetryLater,
        a DeliveryRefused as where the scope is missing, or OutcomeUnknown for an odd answer.
        """
        mine = [circle for circle in circles if circle.workspace == identity.workspace]
        return [each.key for each in mine if identity.user in await self._members_of(each)]

    async def _members_of(self, circle: Circle) -> frozenset[str]:
        async with self._turn:
            loop = asyncio.get_running_loop()
            known, until = self._members.get(circle.key, (frozenset[str](), 0.0))
            if loop.time() < until:
                return known
            why, failed_until = self._failed.get(circle.key, ("", 0.0))
            if loop.time() < failed_until:
                raise RetryLater(why)
            try:
                members = await self._ask(circle)
            except PosternError as error:
                self._failed[circle.key] = (str(error), loop.time() + _FAILED_SECONDS)
                raise
            self._members[circle.key] = (members, loop.time() + REMEMBERED_SECONDS)
            return members

    async def _ask(self, circle: Circle) -> frozenset[str]:
        workspaces = Workspaces(self._options, self._store, self._clock)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                calls = SlackCalls(workspaces)
                answer = await calls.read(circle.workspace, _METHOD, {"usergroup": circle.id})
        except TimeoutError:
            raise RetryLater(f"Slack did not answer {_METHOD} in time.") from None
        finally:
            await workspaces.close()
        return frozenset(answered(UsergroupMembers, _METHOD, answer).users)
