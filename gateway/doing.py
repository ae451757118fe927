"""One attempt of a turn at work: what the agent says, what its tools do, and what people see."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from gateway.answer import Answer
from gateway.domain.errands import Errand
from gateway.domain.messages import InboundMessage, MessageKind
from gateway.domain.tools import ToolCall, ToolResult
from gateway.domain.turns import Turn
from gateway.together import together
from gateway.tool_calls import Hands, ToolCalls
from gateway.tool_lines import ToolLines

QUICK_SECONDS = 1.0
"""Tools that are done sooner are not worth a message of their own."""


class Doing:
    """Joins a turn's answer with its tool calls."""

    def __init__(
        self,
        turn: Turn,
        answer: Answer,
        hands: Hands,
        lines: ToolLines,
        errand: Errand | None = None,
    ) -> None:
        self.turn = turn
        self.answer = answer
        self.calls = ToolCalls(turn, hands, lines, errand)
        self._lines = lines

    async def carry_out(self, calls: tuple[ToolCall, ...]) -> tuple[ToolResult, ...]:
        """Carry out a round's calls, telling people when it takes a while."""
        await self.answer.flush()
        done = asyncio.Event()
        results, _ = await together((self._carry_out(calls, done), self._tell(done)))
        return results

    async def hear(self, message: InboundMessage) -> InboundMessage:
        """Return a message as the agent is told it; of a decision, after doing what it allows."""
        if message.kind is not MessageKind.DECISION:
            return message
        heard = await self.calls.hear(message)
        self.answer.carry(self.calls.results)
        return heard

    async def tell_used(self, name: str) -> None:
        """Tell people of a tool that the agent's own server carried out."""
        self._lines.used(name)
        if self.answer.is_shown:
            await self.answer.show_status(self._lines.text)

    async def _carry_out(
        self, calls: tuple[ToolCall, ...], done: asyncio.Event
    ) -> tuple[ToolResult, ...]:
        try:
            results = await self.calls.carry_out(calls)
        finally:
            done.set()
            self._lines.changed.set()
        self.answer.carry(self.calls.results)
        return results

    async def _tell(self, done: asyncio.Event) -> tuple[ToolResult, ...]:
        """Show the lines once the calls have taken a while, and each time they change."""
        with suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), QUICK_SECONDS)
        is_slow = not done.is_set()
        while is_slow:
            self._lines.changed.clear()
            await self.answer.show_status(self._lines.text)
            if done.is_set():
                break
            await self._lines.changed.wait()
        return ()
