"""A turn's rounds with the agent: what is asked, what streams back, and how they are stopped."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from gateway.doing import Doing
from gateway.domain.ids import RunId, TurnId
from gateway.domain.messages import InboundMessage
from gateway.domain.people import ZONE_NOTE
from gateway.domain.tools import ToolResult
from gateway.domain.turns import (
    InputMessage,
    ReasoningDelta,
    RunEnded,
    RunRequest,
    RunStarted,
    Session,
    TextDelta,
    ToolsAsked,
    ToolUsed,
    Turn,
    TurnState,
)
from gateway.earlier_talk import EarlierTalk
from gateway.envelope import Perceived, to_input, zone_named
from gateway.errors import RunFailed, RuntimeUnavailable
from gateway.mind import Mind
from gateway.ports import Store

CANCELLED = "cancelled"
"""The runtime's word for a run that was stopped."""


@dataclass(frozen=True, slots=True)
class RoundLimits:
    """How long a turn may take, and how often it may use tools."""

    deadline_seconds: float
    most: int


@dataclass(frozen=True, slots=True)
class End:
    """How the agent's work on a turn ended."""

    state: TurnState
    tokens: int


@dataclass(slots=True)
class _Work:
    """A turn that this process is at."""

    is_stopped: bool
    """Whether nobody wants it any more: no round of it begins."""
    request: RunRequest | None = None
    """What it waits for."""
    is_told: bool = False
    """Whether the runtime has been told to stop."""


class Rounds:
    """Goes through the rounds of turns; each has a key, so that a repeat re-attaches to it.

    A turn that was stopped begins no new round, in this attempt or a later one. It
    ends with what was said so far.
    """

    def __init__(self, store: Store, mind: Mind, limits: RoundLimits, talk: EarlierTalk) -> None:
        self._store = store
        self._talk = talk
        self._runtime = mind.runtime
        self._images = mind.images
        self._transcripts = mind.transcripts
        self._models = mind.models
        self._limits = limits
        self._work: dict[TurnId, _Work] = {}

    @contextmanager
    def held(self, turn: Turn) -> Generator[None]:
        """Let the turn be stopped for as long as it is at work here."""
        work = self._work[turn.ref.id] = _Work(turn.is_cancelled)
        try:
            yield
        finally:
            if self._work.get(turn.ref.id) is work:
                del self._work[turn.ref.id]

    def is_stopped(self, turn: Turn) -> bool:
        """Whether the turn is to end as soon as it can."""
        work = self._work.get(turn.ref.id)
        return turn.is_cancelled if work is None else work.is_stopped

    async def stop(self, turn: TurnId) -> None:
        """Stop the turn if it is at work here; harmless when repeated.

        Raises RuntimeUnavailable when its run could not be stopped: then no new
        round begins all the same, and this is to be called again.
        """
        work = self._work.get(turn)
        if work is None or work.is_told:
            return
        work.is_stopped = True
        if work.request is None:
            return
        work.is_told = True
        try:
            await self._runtime.cancel(work.request)
        except BaseException:
            work.is_told = False
            raise

    async def run(self, doing: Doing, session: Session) -> End:
        """Go through the rounds to the end. Raises RunFailed when they take too long."""
        turn = doing.turn
        work = self._work[turn.ref.id]
        if work.is_stopped and not turn.runs:  # but for one that began, and nobody wrote down
            await self._runtime.cancel(RunRequest(session, (), turn.key))
            return End(TurnState.CANCELLED, 0)
        request = work.request = await self._first_request(doing, session)
        try:
            async with asyncio.timeout(self._limits.deadline_seconds):
                return await self._run_all(doing, request, work)
        except TimeoutError:
            await self._runtime.cancel(work.request)
            minutes = self._limits.deadline_seconds / 60
            raise RunFailed(f"it took longer than {minutes:g} minutes.", kind="deadline") from None

    async def _run_all(self, doing: Doing, request: RunRequest, work: _Work) -> End:
        turn, tokens = doing.turn, 0
        for index in range(self._limits.most):
            is_newest = index + 1 >= len(turn.runs)
            work.request = request
            if work.is_stopped and is_newest:
                await self._runtime.cancel(request)
                if request.run is None:
                    return End(TurnState.CANCELLED, tokens)
            end = await self._run_one(doing, request, index)
            tokens += end.tokens
            if isinstance(end, RunEnded):
                is_cancelled = end.reason == CANCELLED
                return End(TurnState.CANCELLED if is_cancelled else TurnState.DONE, tokens)
            if work.is_stopped and is_newest:
                return End(TurnState.CANCELLED, tokens)
            results = await doing.carry_out(end.calls)
            request = _next_request(turn, request, index + 1, results)
        await self._runtime.cancel(request)
        raise RunFailed(
            f"it used tools {self._limits.most} times without coming to an end.",
            kind="tool_rounds",
        )

    async def _run_one(
        self, doing: Doing, request: RunRequest, index: int
    ) -> ToolsAsked | RunEnded:
        """Follow one run to its end."""
        async for event in self._runtime.run(request):
            match event:
                case TextDelta():
                    await doing.answer.add(event)
                case RunStarted(run):
                    if request.run != run:
                        await self._begin(doing.turn, replace(request, run=run), index, run)
                case ToolsAsked() | RunEnded():
                    return event
                case ToolUsed(name):
                    await doing.tell_used(name)
                case ReasoningDelta():
                    pass
        raise RuntimeUnavailable(f'The run of turn "{doing.turn.ref.id}" broke off without an end.')

    async def _begin(self, turn: Turn, request: RunRequest, index: int, run: RunId) -> None:
        await self._store.turns.record_run(turn.ref, index, run)
        if self.is_stopped(turn):  # while it was on its way, and there was nothing to stop yet
            await self._runtime.cancel(request)

    async def _first_request(self, doing: Doing, session: Session) -> RunRequest:
        turn = doing.turn
        return RunRequest(
            session=session,
            input=await self._input(doing),
            otid=turn.key,
            tools=doing.calls.specs,
            run=_run_of(turn, 0),
            model=None if self._models is None else await self._models.of(turn),
        )

    async def _input(self, doing: Doing) -> tuple[InputMessage, ...]:
        messages = [await doing.hear(message) for message in doing.turn.messages]
        zone = zone_named(await self._store.notes.get(doing.turn.person, ZONE_NOTE))
        before = await self._talk.before(doing.turn) or ()
        first, *rest = zip(messages, await self._perceived(doing.turn, messages), strict=True)
        return (
            to_input(*first, zone, before),
            *(to_input(message, perceived, zone) for message, perceived in rest),
        )

    async def _perceived(self, turn: Turn, messages: Sequence[InboundMessage]) -> list[Perceived]:
        """Return what the agent sees and hears of each message."""
        heard = {} if self._transcripts is None else await self._transcripts.of(turn)
        seen = [()] * len(messages) if self._images is None else await self._images.of(messages)
        return [Perceived(images, heard) for images in seen]


def _next_request(
    turn: Turn, before: RunRequest, index: int, results: tuple[ToolResult, ...]
) -> RunRequest:
    return RunRequest(
        session=before.session,
        input=results,
        otid=str(uuid.uuid5(uuid.UUID(turn.key), str(index))),
        tools=before.tools,
        run=_run_of(turn, index),
        model=before.model,
    )


def _run_of(turn: Turn, index: int) -> RunId | None:
    return turn.runs[index] if index < len(turn.runs) else None
