"""Runs turns on the App Server; what happens in one conversation is `thread`'s."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import aclosing

from agents.app_server.link import Link
from agents.app_server.thread import Start, Thread
from agents.app_server.wire import Scope, text_at
from agents.letta import LettaOptions
from gateway.domain.turns import RunRequest, Session, TurnEvent
from gateway.errors import RuntimeUnavailable
from gateway.ports import Health

_REMEMBERED = 10_000
_PROTOCOL = 1


class AppServerRuntime:
    """Implements `AgentRuntime` on the App Server's WebSocket.

    A turn goes on as long as one of our connections is there. When both are lost, or this
    process dies, the server stops it: what it had said is heard again and ends with
    RunFailed, what it had not begun to answer is said again.
    """

    def __init__(self, link: Link, options: LettaOptions, start: Start) -> None:
        """Take an open link, and how to begin what goes on when nobody listens."""
        self._link = link
        self._options = options
        self._start = start
        self._threads: OrderedDict[Session, Thread] = OrderedDict()
        link.on_silence(self._lose)

    async def run(self, request: RunRequest) -> AsyncGenerator[TurnEvent]:
        """Start the round, or re-attach to it, and yield all its events from the beginning."""
        round_ = self._thread(request.session).round_of(request, self._start)
        async with aclosing(round_.follow()) as events:
            async for event in events:
                yield event

    async def cancel(self, request: RunRequest) -> None:
        """Stop what runs in the thread, and answer the calls that it would wait for."""
        thread = self._threads.get(request.session)
        if thread is not None:
            await thread.cancel()

    async def health(self) -> Health:
        """Ask the server who it is."""
        try:
            info = await self._link.ask({"type": "app_server_info"})
        except RuntimeUnavailable as error:
            return Health(is_ready=False, sentence=str(error))
        version, protocol = text_at(info, "letta_code_version"), info.get("protocol_version")
        if protocol != _PROTOCOL:
            sentence = f"App Server {version} speaks protocol {protocol}; this needs {_PROTOCOL}."
            return Health(is_ready=False, sentence=sentence)
        return Health(is_ready=True, sentence=f"Letta's App Server {version} serves.")

    def _thread(self, session: Session) -> Thread:
        thread = self._threads.get(session)
        if thread is None:
            scope = Scope(session.agent, session.thread)
            thread = self._threads[session] = Thread(self._link, scope, self._options)
        self._threads.move_to_end(session)
        while len(self._threads) > _REMEMBERED and next(iter(self._threads.values())).is_idle:
            self._threads.popitem(last=False)
        return thread

    def _lose(self) -> None:
        for thread in self._threads.values():
            thread.lose()
