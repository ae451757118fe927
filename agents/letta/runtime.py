"""Runs turns in Letta's conversations; what one run's stream takes is in `run_stream`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress

from letta_client import AsyncLetta

from agents.letta.api import LettaApi
from agents.letta.events import is_ended, oldest_first, pending_request
from agents.letta.faults import CallsPending, NotThere, ThreadBusy
from agents.letta.options import LettaOptions
from agents.letta.requests import messages_of, otid_of, refusals_of, tools_of
from agents.letta.run_stream import RunStream, Sending
from gateway.domain.ids import RunId
from gateway.domain.tools import ToolCall
from gateway.domain.turns import RunRequest, RunStarted, TurnEvent
from gateway.errors import RunFailed, RuntimeUnavailable
from gateway.ports import Health

_ATTEMPTS = 3
"""The round itself, and twice more after stale tool calls were answered."""
_INTERRUPTED = "This call was interrupted and has no result."
_CANCELLED = "The person stopped this."
_FIRST_WAIT_SECONDS = 0.02
_LONGEST_WAIT_SECONDS = 1.0


class LettaRuntime:
    """Implements `AgentRuntime` on Letta's REST API.

    Every round is a background run in the thread's conversation, keyed by its
    otid: Letta answers a key that it knows with the run that it knows (0.16.8
    for three hours; after that only the run id finds it).
    """

    def __init__(self, client: AsyncLetta, options: LettaOptions) -> None:
        """Take an open client (see `make_client`); it stays the caller's to close."""
        self._api = LettaApi(client)
        self._options = options

    async def run(self, request: RunRequest) -> AsyncGenerator[TurnEvent]:
        """Start the round, or re-attach to it, and yield all its events from the beginning.

        A round that Letta refuses because older tool calls wait is sent again once these
        are answered. Where the refusal was a run, the next one has another key, made from
        the round's own, and is not announced: the first leads to it again.
        """
        run, key, is_announced = request.run, 0, False
        for attempt in range(_ATTEMPTS):
            messages, tools = messages_of(request, key), tools_of(request.tools)
            sending = Sending(request.session.thread, messages, tools, request.model)
            try:
                async with aclosing(self._follow(sending, run)) as events:
                    async for event in events:
                        if not (is_announced and isinstance(event, RunStarted)):
                            yield event
                        is_announced = True
            except CallsPending as refused:
                key += refused.is_key_used
                run = await self._clear_thread(request, key, attempt)
            else:
                return
        raise RunFailed("the agent waits for tools that nobody answers.", kind="pending_approval")

    async def cancel(self, request: RunRequest) -> None:
        """Stop what runs in the thread, and answer the calls that it would wait for."""
        thread = request.session.thread
        with suppress(ThreadBusy, NotThere, RunFailed):  # nothing was running
            await self._api.cancel(thread)
        with suppress(NotThere):
            _, calls = pending_request(oldest_first(await self._api.newest_messages(thread)))
            await self._refuse(request, calls, f"cancelled {request.otid}", _CANCELLED)

    async def health(self) -> Health:
        """Ask Letta whether it serves."""
        try:
            answer = await self._api.health()
        except (RunFailed, RuntimeUnavailable) as error:
            return Health(is_ready=False, sentence=str(error))
        return Health(is_ready=True, sentence=f"Letta {answer.get('version', '')} serves.")

    async def _follow(
        self, sending: Sending, run: RunId | None = None
    ) -> AsyncGenerator[TurnEvent]:
        """Follow a run; while another one has the thread, wait for its end, within limits."""
        deadline = asyncio.get_running_loop().time() + self._options.busy_wait_seconds
        pause = _FIRST_WAIT_SECONDS
        while True:
            stream = RunStream(self._api, self._options, sending, run)
            try:
                async with aclosing(stream.events()) as events:
                    async for event in events:
                        yield event
            except ThreadBusy as busy:
                await self._wait_for(busy, deadline, pause)
                pause = min(_LONGEST_WAIT_SECONDS, 2 * pause)
            else:
                return

    async def _wait_for(self, busy: ThreadBusy, deadline: float, pause: float) -> None:
        """Wait for the end of the run that is in the way. Raises `busy` at the deadline."""
        while True:
            if asyncio.get_running_loop().time() + pause > deadline:
                raise busy
            await asyncio.sleep(pause)
            if busy.run is None or is_ended(await self._api.run(busy.run)):
                return
            pause = min(_LONGEST_WAIT_SECONDS, 2 * pause)

    async def _clear_thread(self, request: RunRequest, key: int, attempt: int) -> RunId | None:
        """Make the thread take the round; return its run when it had begun before.

        That run may be the very one whose calls wait: then a process before us had
        come this far, and its calls are to be heard, not refused.
        """
        messages = oldest_first(await self._api.newest_messages(request.session.thread))
        run, calls = pending_request(messages)
        if run is not None and await self._is_of(run, otid_of(request, key)):
            return run
        await self._refuse(request, calls, f"{attempt} of {request.otid}", _INTERRUPTED)
        return None

    async def _is_of(self, run: RunId, otid: str) -> bool:
        """Whether a message with this key started the run."""
        return any(message.get("otid") == otid for message in await self._api.run_messages(run))

    async def _refuse(
        self, request: RunRequest, calls: Sequence[ToolCall], key: str, reason: str
    ) -> None:
        """Answer calls with errors, and let the agent say to nobody what it makes of that.

        Without tools of ours in this round it can not ask for the next one.
        """
        if not calls:
            return
        messages = refusals_of(calls, reason, key)
        sending = Sending(request.session.thread, messages, model=request.model)
        with suppress(RunFailed):
            async with aclosing(self._follow(sending)) as events:
                async for _ in events:
                    pass
