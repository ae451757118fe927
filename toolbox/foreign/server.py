"""One MCP server elsewhere: kept in sight, its tools lent to the registry, its calls made."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.domain.people import lane_owner
from gateway.domain.turns import Turn
from gateway.errors import OutcomeUnknown, PosternError, Refused, RetryLater
from gateway.ports import Health
from gateway.text.fence import fenced
from toolbox.foreign.connection import Connection, Declined, Endpoint, Session, SessionGone
from toolbox.foreign.descriptions import Offer, Terms, offer
from toolbox.foreign.protocol import (
    TOOLS_CHANGED,
    Listed,
    Returned,
    Unreadable,
    read_page,
    read_returned,
)
from toolbox.foreign.wording import cleaned
from toolbox.registry import Registry

log = logging.getLogger(__name__)

MOST_PAGES = 50
MOST_LISTED = 2_000
LONGEST_FAILURE = 1_000
"""Characters of a tool's own failure: it has to fit, with its marks, into what an agent reads."""
_OURS = ""
"""Whose session the list of tools is asked in: nobody's."""
_FIRST_WAIT_SECONDS = 1.0
"""Between two looks, also at a server that keeps saying that something changed."""
_LONGEST_WAIT_SECONDS = 30.0
_REOPEN_SECONDS = 10.0
"""After it stopped speaking of its own accord; then it is looked at, and heard again."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """A server, and on what terms agents use its tools."""

    endpoint: Endpoint
    terms: Terms = field(default_factory=Terms)
    refresh_seconds: float = 300.0
    """How often it is looked at, where it does not say by itself that something changed."""
    most_sessions: int = 200
    """Whoever was quiet for longest begins a new one when they come back."""


class ForeignServer:
    """Its tools stay known while it is away: a call then fails at once, in words.

    Where a server keeps sessions, each person's agents have one of their own, so that
    nothing it remembers for one of them comes to another.
    """

    def __init__(self, options: ServerOptions, registry: Registry) -> None:
        self.name = options.endpoint.name
        self.offer = Offer()
        self._options = options
        self._registry = registry
        self._connection = Connection(options.endpoint, self._hear)
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._listed: tuple[Listed, ...] | None = None
        self._away: PosternError | None = RetryLater("It has not been reached yet.")
        self._warned = ""
        self._changed = asyncio.Event()

    @property
    def why_away(self) -> PosternError | None:
        """What is wrong with it; None while it serves."""
        return self._away

    def missing(self, names: Iterable[str]) -> list[str]:
        """Return which of these the server does not list, by its own names."""
        there = {each.name for each in self._listed or ()}
        return [name for name in names if name not in there]

    def health(self) -> Health:
        """Say how it is, in our own words: this is told to whoever asks."""
        if self._away is not None:
            return Health(is_ready=False, sentence=_state(self._away))
        count, out = len(self.offer.tools), len(self.offer.left_out)
        more = f", {out} left out" if out else ""
        return Health(is_ready=True, sentence=f"{count} tools{more}")

    async def run(self) -> None:
        """Look at it again and again, until cancelled."""
        wait = _FIRST_WAIT_SECONDS
        while True:
            is_there = await self.look() and await self._guarded(self._until_changed())
            self._warn()
            wait = _FIRST_WAIT_SECONDS if is_there else min(wait * 2, _LONGEST_WAIT_SECONDS)
            await asyncio.sleep(wait)

    async def look(self) -> bool:
        """Ask for its tools, and lend them; False while that can not be done."""
        self._changed.clear()
        return await self._guarded(self._look())

    async def _look(self) -> None:
        self._take(await self._list())

    async def _guarded(self, work: Awaitable[None]) -> bool:
        try:
            await work
        except PosternError as error:
            self._away = error
            return False
        except Exception as error:
            # The loop's edge: whatever a server says, the others and the gateway go on.
            log.exception("mcp_server_not_read", extra={"server": self.name})
            self._away = Refused(f"What it says can not be read: {type(error).__name__}.")
            return False
        return True

    async def close(self) -> None:
        """Leave its sessions, and let the connections go."""
        try:
            async with asyncio.TaskGroup() as group:
                for session in self._sessions.values():
                    group.create_task(self._connection.leave(session))
        finally:
            await self._connection.close()

    async def _list(self) -> tuple[Listed, ...]:
        found: list[Listed] = []
        cursors: set[str | None] = {None}
        cursor: str | None = None
        size = 0
        for _ in range(MOST_PAGES):
            result = await self._ask(_OURS, "tools/list", {"cursor": cursor} if cursor else {})
            try:
                page = read_page(result)
            except Unreadable as error:
                raise Refused(f'The MCP server "{self.name}" answers with {error}.') from None
            found += page.tools
            cursor = page.cursor
            size += len(json.dumps(result))
            is_enough = len(found) > MOST_LISTED or size > self._options.endpoint.limit_bytes
            if cursor in cursors or is_enough:
                break
            cursors.add(cursor)
        return tuple(found[:MOST_LISTED])

    def _take(self, listed: tuple[Listed, ...]) -> None:
        if self._away is not None:
            log.info("mcp_server_there", extra={"server": self.name})
        self._away = None
        if listed == self._listed:
            return
        self._listed = listed
        self.offer = offer(self.name, listed, self._options.terms, self._call)
        self._registry.lend(self.name, self.offer.tools)
        counts = {"tools": len(self.offer.tools), "left_out": len(self.offer.left_out)}
        log.info("mcp_tools_changed", extra={"server": self.name, **counts})

    def _warn(self) -> None:
        """Tell the operator what is wrong, once."""
        wrong = "" if self._away is None else str(self._away)
        if wrong and wrong != self._warned:
            log.warning("mcp_server_away", extra={"server": self.name, "error": wrong})
        self._warned = wrong

    def _hear(self, method: str) -> None:
        if method == TOOLS_CHANGED:
            self._changed.set()

    async def _until_changed(self) -> None:
        """Wait until it says that its tools changed, or for as long as is waited without that."""
        try:
            async with (
                asyncio.timeout(self._options.refresh_seconds),
                asyncio.TaskGroup() as group,
            ):
                listening = group.create_task(self._listen())
                await self._changed.wait()
                listening.cancel()
        except TimeoutError:
            return

    async def _listen(self) -> None:
        """Hear what it says by itself; a lost connection is a reason to look."""
        session = self._sessions.get(_OURS)
        if session is None:
            return
        try:
            if not await self._connection.listen(session):
                return
            await asyncio.sleep(_REOPEN_SECONDS)
        except RetryLater:
            pass  # the look that follows tells what is wrong
        self._changed.set()

    async def _call(self, turn: Turn, tool: str, arguments: Mapping[str, Any]) -> str:
        """Carry a call out; raises Refused with the tool's own failure."""
        if self._away is not None:
            raise RetryLater(
                f'The MCP server "{self.name}" is away: it {_state(self._away)}. Nothing was done. '
                "Do without it, or try later."
            )
        owner = lane_owner(turn.ref.lane, turn.person, turn.conversation)
        try:
            wish = {"name": tool, "arguments": dict(arguments)}
            returned = read_returned(await self._ask(owner, "tools/call", wish))
        except Declined as error:
            raise Refused(f"{error.sentence}\n{fenced(self._label(tool), error.words)}") from error
        except RetryLater as error:
            self._changed.set()
            raise RetryLater(f"{error} Nothing was done. Do without it, or try later.") from error
        except (OutcomeUnknown, Unreadable) as error:
            self._changed.set()
            raise OutcomeUnknown(_unknown(self.name, error)) from error
        return self._told(tool, returned)

    def _told(self, tool: str, returned: Returned) -> str:
        label = self._label(tool)
        if returned.is_error:
            failure = fenced(label, cleaned(returned.text, LONGEST_FAILURE))
            raise Refused(f"It failed.\n{failure}")
        return fenced(label, _cut(returned.text, self._options.terms.longest_result))

    def _label(self, tool: str) -> str:
        return f'the tool "{tool}" of the MCP server "{self.name}"'

    async def _ask(self, owner: str, method: str, params: Mapping[str, object]) -> dict[str, Any]:
        """Ask in the owner's session; a session that is gone is begun anew, once."""
        session = await self._session(owner)
        try:
            return await self._connection.ask(session, method, params)
        except SessionGone:
            self._drop(session)
        return await self._connection.ask(await self._session(owner), method, params)

    async def _session(self, owner: str) -> Session:
        ours = self._sessions.get(_OURS)
        if ours is not None and ours.id is None:
            return ours
        known = self._sessions.get(owner)
        if known is None:
            greeted = await self._greeted()
            known = self._sessions.setdefault(owner, greeted)
            if known is not greeted:  # another call of theirs was faster
                await self._connection.leave(greeted)
        self._touch(owner)
        if len(self._sessions) > self._options.most_sessions:
            _, quietest = self._sessions.popitem(last=False)
            await self._connection.leave(quietest)
        return known

    def _touch(self, owner: str) -> None:
        """Note who was heard of last; our own session is never the one to go."""
        for each in (owner, _OURS):
            if each in self._sessions:
                self._sessions.move_to_end(each)

    async def _greeted(self) -> Session:
        try:
            return await self._connection.greet()
        except OutcomeUnknown as error:
            raise RetryLater(str(error)) from error  # of what was asked for, nothing was done

    def _drop(self, session: Session) -> None:
        for owner in [owner for owner, each in self._sessions.items() if each is session]:
            del self._sessions[owner]


def _state(error: PosternError) -> str:
    """Return in a few words of ours what is wrong; never the server's words."""
    if isinstance(error, Refused):
        return "refuses us, or says what is not understood"
    return "can not be reached, or does not answer as it should"


def _unknown(server: str, error: Exception) -> str:
    said = f'The MCP server "{server}" answers with {error}.'
    said = said if isinstance(error, Unreadable) else str(error)
    return f"{said} It may or may not have happened: look, or ask, before you call it again."


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    return f"{text[:longest]}\n[cut: {len(text):,} characters in all]"
