"""One conversation on the App Server: rounds in order, resumed where they broke, never stuck."""

from __future__ import annotations

import asyncio
import uuid
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace

from agents.app_server.connection import Connection
from agents.app_server.link import Link
from agents.app_server.live_turn import LiveTurn
from agents.app_server.record import Recalled, recall
from agents.app_server.rounds import Round
from agents.app_server.threads import ThreadBook
from agents.app_server.wire import Json, Scope, keys_of, said_by, speak, text_at
from agents.letta import LettaOptions
from gateway.domain.tools import ToolResult
from gateway.domain.turns import InputMessage, RunRequest
from gateway.errors import PosternError, RunFailed, RuntimeUnavailable

Start = Callable[[Coroutine[object, object, None]], object]
"""Begins work that goes on when nobody waits for it."""

_REMEMBERED = 8
_STOP_SECONDS = 10.0
_INTERRUPTED = "This call was interrupted and has no result."
_CANCELLED = "The person stopped this."
_PROBE = "[The connection was lost for a while, and is back. Say nothing to this.]"


class Thread:
    """The rounds of one conversation, one turn at a time.

    A round that is known is heard again; one that only the server may know is looked up in
    what it stored; any other is said, under an id that the server takes once.
    """

    def __init__(self, link: Link, scope: Scope, options: LettaOptions) -> None:
        self._link = link
        self._book = ThreadBook(link, scope)
        self._options = options
        self._rounds: OrderedDict[str, Round] = OrderedDict()
        self._live: LiveTurn | None = None
        self._alone = asyncio.Lock()
        self._is_caught_up = False
        """Whether every round of the stored past that could come again has been looked for."""

    @property
    def is_idle(self) -> bool:
        """Whether nothing would be lost if it were forgotten."""
        return not self._alone.locked() and (self._live is None or self._live.over.is_set())

    def round_of(self, request: RunRequest, start: Start) -> Round:
        """Return the round of this otid, starting it if it is not known. It goes on by itself."""
        known = self._rounds.get(request.otid)
        if known is not None:
            return known
        made = self._rounds[request.otid] = Round(request.otid)
        while len(self._rounds) > _REMEMBERED and next(iter(self._rounds.values())).is_over:
            self._rounds.popitem(last=False)
        start(self._carry(request, made))
        return made

    async def cancel(self) -> None:
        """Stop what runs, and answer the calls that it waits for."""
        if self._live is not None and not self._live.over.is_set():
            await self._stop(self._live, _CANCELLED)

    def lose(self) -> None:
        """Forget what is under way: nobody heard the rest of it."""
        if self._live is not None:
            self._live.lose()
            self._live = None
        self._is_caught_up = False

    # -- one round

    async def _carry(self, request: RunRequest, made: Round) -> None:
        """Bring the round under way; whoever listens hears of what goes wrong."""
        try:
            async with self._turn_to_speak():
                await self._begin(request, made)
        except PosternError as error:
            self._is_caught_up = False
            made.fail(error)
        await made.ended()
        if made.is_unsettled and self._rounds.get(request.otid) is made:
            del self._rounds[request.otid]

    @asynccontextmanager
    async def _turn_to_speak(self) -> AsyncGenerator[None]:
        try:
            async with asyncio.timeout(self._options.busy_wait_seconds):
                await self._alone.acquire()
        except TimeoutError:
            raise _busy() from None
        try:
            yield
        finally:
            self._alone.release()

    async def _begin(self, request: RunRequest, made: Round) -> None:
        results = [item for item in request.input if isinstance(item, ToolResult)]
        if self._live is not None and self._live.wants(results):
            self._live.round = made
            made.start()
            await self._live.answer(results)
            return
        await self._make_room()
        await self._link.subscribe(await self._book.scope(), request.tools, self._hear)
        stored = await self._recalled(request)
        if stored is not None and stored.is_unsure and not stored.is_void:
            stored = await self._made_sure(request, stored)
        self._is_caught_up = True
        if stored is None:
            await self._say(request, made, keys_used=0)
        elif stored.is_void:
            await self._abort()
            await self._say(request, made, stored.keys_used)
        else:
            _retell(stored, made)

    async def _make_room(self) -> None:
        """Let the turn before come to its end, or end it where nobody answers its tools."""
        live = self._live
        if live is None or live.over.is_set():
            return
        if live.waits_for_tools:
            await self._stop(live, _INTERRUPTED)
            return
        try:
            async with asyncio.timeout(self._options.busy_wait_seconds):
                await live.over.wait()
        except TimeoutError:
            raise _busy() from None

    async def _recalled(self, request: RunRequest) -> Recalled | None:
        """Look the round up where it may have been started by a process before this one."""
        if self._is_caught_up and request.run is None:
            return None
        return recall(await self._book.newest_messages(), request)

    async def _made_sure(self, request: RunRequest, stored: Recalled) -> Recalled:
        """Find out whether an answer had come to its end or was cut off, before we were lost.

        The server tells nobody but who speaks: after a cut it refuses. So something is said,
        and stopped before it is answered, in a conversation that is left for its copy then.
        """
        copy, key = await self._book.copy(), str(uuid.uuid4())
        probe = replace(request, input=(InputMessage(_PROBE, key),), otid=key, tools=(), run=None)
        live = await self._speak(probe, key, Round(key))
        if not live.signs.is_set():
            raise _busy()
        if not live.over.is_set():
            await self._stop(live, _INTERRUPTED)
        if not live.is_wedged:
            stored = recall(await self._book.newest_messages(), request) or stored
        await self._book.move_to(copy)
        return stored

    async def _say(self, request: RunRequest, made: Round, keys_used: int) -> None:
        """Say the round; again, under its next id, where the server did not take it."""
        for key in keys_of(request.otid)[keys_used:]:
            live = await self._speak(request, key, made)
            if live.is_wedged:
                await self._book.replace()
            elif live.signs.is_set():
                return
        raise RunFailed("the conversation is stuck. Ask the operator.", kind="wedged")

    async def _speak(self, request: RunRequest, key: str, made: Round) -> LiveTurn:
        """Say it once, and return the turn when the model answers or will not."""
        scope = await self._book.scope()
        await self._link.subscribe(scope, request.tools, self._hear)
        messages = said_by(request, key)
        live = self._live = LiveTurn([own for _, own in messages], made)
        try:
            answer = await self._link.ask(speak(scope, messages, request.tools))
        except RuntimeUnavailable:
            live.lose()
            raise
        if answer.get("accepted") is not True:
            live.lose()
            raise RunFailed(
                f"the agent's server did not take it: {text_at(answer, 'error')}", kind="refused"
            )
        made.start()
        try:
            async with asyncio.timeout(self._options.taken_seconds):
                await live.signs.wait()
        except TimeoutError:
            return live
        await live.taken.wait()
        return live

    def _hear(self, connection: Connection, frame: Json) -> None:
        if self._live is not None and not self._live.over.is_set():
            self._live.hear(connection, frame)

    async def _stop(self, live: LiveTurn, reason: str) -> None:
        """End a turn. The server ends none of which a tool call is unanswered."""
        await self._abort()
        await live.refuse(reason)
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await live.over.wait()
        except TimeoutError:
            raise RuntimeUnavailable("The App Server does not stop the turn.") from None

    async def _abort(self) -> None:
        scope = await self._book.scope()
        await self._link.ask({"type": "abort_message", "runtime": scope.wire()})


def _retell(stored: Recalled, made: Round) -> None:
    made.start()
    for event in stored.events:
        made.add(event)
    if stored.error is not None:
        made.fail(stored.error)


def _busy() -> RuntimeUnavailable:
    return RuntimeUnavailable("The agent is busy with another run in this conversation.")
