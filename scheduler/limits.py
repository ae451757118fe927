"""Keeps wakeups within the tool calls that their schedules allow them."""

from __future__ import annotations

from gateway.domain.tools import ToolCall, ToolResult, ToolSpec
from gateway.domain.turns import Turn
from gateway.ports import ScheduleStore, Toolbox
from scheduler.wakeups import schedule_of


class WakeupLimits:
    """A Toolbox around another: a wakeup's calls beyond its limit are refused in words.

    The turn's journal is what counts, so that neither a crash nor a retry gives
    a wakeup more.
    """

    def __init__(self, toolbox: Toolbox, schedules: ScheduleStore) -> None:
        self._toolbox = toolbox
        self._schedules = schedules
        self._calls: dict[str, set[str]] = {}
        """By turn: the calls that were let through, beside those in its journal."""

    def specs(self, turn: Turn) -> tuple[ToolSpec, ...]:
        """Return the tools that the agent may use in this turn."""
        return self._toolbox.specs(turn)

    async def call(self, turn: Turn, call: ToolCall) -> ToolResult:
        """Carry it out, if the schedule that woke the agent allows one more."""
        most = await self._most(turn)
        if most is None:
            return await self._toolbox.call(turn, call)
        made = self._made(turn)
        if call.id not in made and len(made) >= most:
            return ToolResult(
                call.id,
                f"This wakeup may make {most} tool calls, and has made them. "
                "End with what you have.",
                is_error=True,
            )
        made.add(call.id)
        return await self._toolbox.call(turn, call)

    def _made(self, turn: Turn) -> set[str]:
        made = self._calls.pop(turn.ref.id, set())
        self._calls[turn.ref.id] = made
        made.update(result.call_id for result in turn.tool_results)
        while len(self._calls) > _REMEMBERED:
            del self._calls[next(iter(self._calls))]
        return made

    async def _most(self, turn: Turn) -> int | None:
        """Return the largest limit of the schedules that woke the agent; None for none."""
        if not turn.is_wakeup:
            return None
        woken_by = [await self._schedules.get(schedule_of(m.event_id)) for m in turn.messages]
        limits = [s.wakeup.max_actions for s in woken_by if s and s.wakeup]
        known = [limit for limit in limits if limit is not None]
        return max(known) if known and len(known) == len(limits) else None


_REMEMBERED = 10_000
"""Turns whose calls are counted; the oldest are forgotten first."""
