"""Which circles people are in: told by their messages, or asked of the platforms and remembered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence

from gateway.domain.circles import Circle, circles_among
from gateway.domain.conversations import Conversation
from gateway.domain.people import Identity, Sender
from gateway.errors import PosternError, RetryLater, StoreUnavailable

log = logging.getLogger(__name__)

AskCircles = Callable[[Identity, Sequence[Circle]], Awaitable[Collection[str]]]
"""Asks a platform in which of these an account is; all of them are of one workspace there.

Returns the keys of those. Raises RetryLater when the platform does not say now, and any
other PosternError when it never will as things are.
"""

REMEMBERED_SECONDS = 60.0
"""After so long the platform is asked again: who loses a role loses its rights by then."""
_FAILED_SECONDS = 5.0
"""So long nobody is asked again after a platform did not say."""
_MAX_REMEMBERED = 50_000

_Question = tuple[Identity, str]
"""An account, and the workspace whose circles are asked for."""


async def nobody_tells(identity: Identity, circles: Sequence[Circle]) -> Collection[str]:
    """Say that the account is in none."""
    return ()


class Circles:
    """Knows of the circles that the settings name, and of no others. Never guesses."""

    def __init__(self, named: Collection[str] = (), ask: AskCircles = nobody_tells) -> None:
        self._named: dict[str, dict[str, list[Circle]]] = {}
        for circle in circles_among(named):
            of_platform = self._named.setdefault(circle.platform, {})
            of_platform.setdefault(circle.workspace, []).append(circle)
        self._ask = ask
        self._known: dict[_Question, tuple[frozenset[str], float]] = {}
        self._failed: dict[_Question, tuple[str, float]] = {}
        self._asking: dict[_Question, asyncio.Event] = {}

    async def of(
        self, identity: Identity, told: Collection[str] | None = None, where: str = ""
    ) -> frozenset[str]:
        """Return the named circles that the account is in.

        `told` is what its message says for the workspace `where`; that is believed. Raises
        RetryLater when a platform has to be asked and does not say.
        """
        found: set[str] = set()
        for workspace, circles in self._named.get(identity.platform, {}).items():
            if told is not None and workspace == where:
                found.update(circle.key for circle in circles if circle.key in told)
            else:
                found |= await self._of_workspace(identity, workspace, circles)
        return frozenset(found)

    async def of_sender(self, sender: Sender, place: Conversation) -> frozenset[str]:
        """Return those of whoever wrote in this place. Raises RetryLater."""
        return await self.of(sender.identity, sender.circles, place.workspace)

    async def surely_of(self, identity: Identity) -> frozenset[str]:
        """Return those of an account; none while nobody can tell. Raises StoreUnavailable."""
        try:
            return await self.of(identity)
        except StoreUnavailable:
            raise
        except RetryLater as error:
            log.warning("circles_not_known", extra={"user": identity.key, "error": str(error)})
            return frozenset()

    async def _of_workspace(
        self, identity: Identity, workspace: str, circles: Sequence[Circle]
    ) -> frozenset[str]:
        """Return what is remembered, or ask; those who ask at once share one answer."""
        question, loop = (identity, workspace), asyncio.get_running_loop()
        while (asking := self._asking.get(question)) is not None:
            await asking.wait()
        known, until = self._known.get(question, (frozenset[str](), 0.0))
        if loop.time() < until:
            return known
        why, failed_until = self._failed.get(question, ("", 0.0))
        if loop.time() < failed_until:
            raise RetryLater(why)
        return await self._find_out(question, circles)

    async def _find_out(self, question: _Question, circles: Sequence[Circle]) -> frozenset[str]:
        done, loop = asyncio.Event(), asyncio.get_running_loop()
        self._asking[question] = done
        try:
            found = frozenset(await self._ask(question[0], circles))
        except StoreUnavailable:
            raise
        except PosternError as error:
            self._make_room()
            self._failed[question] = (str(error), loop.time() + _FAILED_SECONDS)
            raise RetryLater(str(error)) from error
        finally:
            del self._asking[question]
            done.set()
        self._make_room()
        self._known[question] = (found, loop.time() + REMEMBERED_SECONDS)
        return found

    def _make_room(self) -> None:
        for remembered in (self._known, self._failed):
            if len(remembered) >= _MAX_REMEMBERED:
                remembered.clear()
