"""Two connections to one App Server, both kept open, so that a turn never loses its last hearer.

When the only connection that hears a conversation ends in the middle of a turn, the server
stops the turn and refuses every later one there, for good. So a second one, the keeper, hears
everything that the first one hears.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from agents.app_server.connection import Connection, opened
from agents.app_server.wire import Json, Scope, object_at, subscribe, text_at
from agents.letta import LettaOptions
from gateway.domain.ids import SessionId
from gateway.domain.tools import ToolSpec
from gateway.errors import RunFailed, RuntimeUnavailable

log = logging.getLogger(__name__)

Hearer = Callable[[Connection, Json], None]


class Line:
    """One of the connections: opened again whenever it ends."""

    def __init__(
        self, options: LettaOptions, on_event: Hearer, on_loss: Callable[[], None]
    ) -> None:
        self._options = options
        self._on_event = on_event
        self._on_loss = on_loss
        self._is_up = asyncio.Event()
        self._is_wanted = asyncio.Event()
        self._connection: Connection | None = None
        self._trouble = "it was not tried yet"

    @property
    def is_up(self) -> bool:
        """Whether it is open now."""
        return self._connection is not None

    async def connection(self) -> Connection:
        """Return the open connection, waiting a little for it. Raises RuntimeUnavailable."""
        self._is_wanted.set()
        try:
            async with asyncio.timeout(self._options.connect_seconds):
                await self._is_up.wait()
        except TimeoutError:
            raise RuntimeUnavailable(self._trouble) from None
        if self._connection is None:
            raise RuntimeUnavailable(self._trouble)
        return self._connection

    async def keep(self) -> None:
        """Keep it open, from the first time that it is wanted on, until cancelled."""
        await self._is_wanted.wait()
        wait = self._options.reconnect_first_seconds
        while True:
            try:
                await self._serve()
                wait = self._options.reconnect_first_seconds
            except RuntimeUnavailable as error:
                self._trouble = str(error)
                log.warning("app_server_unreachable", extra={"error": str(error)})
            await asyncio.sleep(wait)
            wait = min(2 * wait, self._options.reconnect_longest_seconds)

    async def _serve(self) -> None:
        async with opened(self._options, self._on_event) as connection:
            self._connection = connection
            self._is_up.set()
            try:
                await connection.listen()
            finally:
                self._connection = None
                self._is_up.clear()
                self._trouble = "The connection to the App Server ended."
                self._on_loss()


class Link:
    """Both connections, and who hears which conversation over them."""

    def __init__(self, options: LettaOptions) -> None:
        self._hearers: dict[SessionId, Hearer] = {}
        self._losers: list[Callable[[], None]] = []
        self.main = Line(options, self._hear, self._lose)
        self.keeper = Line(options, self._hear, self._lose)

    async def ask(self, command: Json) -> Json:
        """Ask over the first connection."""
        return await (await self.main.connection()).ask(command)

    async def subscribe(self, scope: Scope, tools: Sequence[ToolSpec], hearer: Hearer) -> None:
        """Hear the conversation over both connections, its tools being owned by the first.

        Raises RunFailed when there is no such agent or conversation.
        """
        self._hearers[scope.conversation] = hearer
        await _subscribe(await self.main.connection(), scope, tuple(tools))
        await _subscribe(await self.keeper.connection(), scope, ())

    def on_silence(self, forget: Callable[[], None]) -> None:
        """Call this whenever both connections are gone, and with them all that is under way."""
        self._losers.append(forget)

    def _hear(self, connection: Connection, frame: Json) -> None:
        conversation = text_at(object_at(frame, "runtime"), "conversation_id")
        hearer = self._hearers.get(SessionId(conversation))
        if hearer is not None:
            hearer(connection, frame)

    def _lose(self) -> None:
        if not self.main.is_up and not self.keeper.is_up:
            for forget in self._losers:
                forget()


async def _subscribe(connection: Connection, scope: Scope, tools: tuple[ToolSpec, ...]) -> None:
    if connection.subscribed.get(scope.conversation) == tools:
        return
    answer = await connection.ask(subscribe(scope, tools))
    if answer.get("success") is True:
        connection.subscribed[scope.conversation] = tools
        return
    error = text_at(answer, "error")
    if error.endswith("not found"):
        sentence = "the agent or its conversation is not where it was. Ask the operator."
        raise RunFailed(sentence, kind="not_found")
    raise RuntimeUnavailable(f"The App Server would not open the conversation: {error}")
