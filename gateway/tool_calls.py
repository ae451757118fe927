"""Carries out the calls of one turn: each of them once, however often the turn is run."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from gateway.approvals import Approvals
from gateway.domain.approvals import Approval, ApprovalState
from gateway.domain.errands import Errand
from gateway.domain.messages import InboundMessage
from gateway.domain.tools import Effect, ToolCall, ToolResult, unknown_tool
from gateway.domain.turns import Turn
from gateway.ports import Toolbox, TurnStore
from gateway.telemetry import Metrics
from gateway.text.storable import storable
from gateway.together import together
from gateway.tool_lines import ToolLines

log = logging.getLogger(__name__)

LONGEST_RESULT = 100_000
"""Characters of a result that are kept, whatever a toolbox returns."""
OUTCOME_UNKNOWN = (
    "The gateway stopped while {tool} was being carried out: it may or may not have happened. "
    "Do not call it again before you have looked, or asked the person."
)
SAME_AGAIN = (
    "You have called {tool} with these arguments {count} times in this turn; the answer will not "
    "change. Use what you have, or end your turn."
)


@dataclass(frozen=True, slots=True)
class ToolLimits:
    """Limits of the calls of one turn."""

    together: int = 8
    """Calls that are carried out at the same moment."""
    same_calls: int = 4
    """How often the same call, arguments and all, is carried out."""


@dataclass(frozen=True, slots=True)
class Hands:
    """All that is needed to carry out calls."""

    toolbox: Toolbox
    turns: TurnStore
    approvals: Approvals
    limits: ToolLimits
    metrics: Metrics


class ToolCalls:
    """The calls of one attempt of a turn.

    A result is journaled before the agent hears it, and a journaled call is not
    made again. A call with an external effect is written down before it is made;
    where its outcome was lost with a process, the agent is told so.

    Models give the same id to one call after the other, so each goes by a name of
    its own within the turn: the same in every attempt, because rounds come again
    in their order.
    """

    def __init__(
        self, turn: Turn, hands: Hands, lines: ToolLines, errand: Errand | None = None
    ) -> None:
        self._turn = turn
        self._errand = errand
        self._hands = hands
        self._lines = lines
        self.specs = hands.toolbox.specs(turn)
        self._by_name = {spec.name: spec for spec in self.specs}
        self._journal = {result.call_id: result for result in turn.tool_results}
        self._made: Counter[tuple[str, str]] = Counter()
        self._names: set[str] = set()
        self.results: list[ToolResult] = []
        """Of all calls so far, in the order in which the agent asked."""

    async def carry_out(self, calls: Iterable[ToolCall]) -> tuple[ToolResult, ...]:
        """Return the results of a round's calls, made at once, in their order."""
        asked = {call.id: call for call in calls}
        wanted = [(self._named_apart(each), self._is_one_too_many(each)) for each in asked.values()]
        gate = asyncio.Semaphore(self._hands.limits.together)

        async def one(call: ToolCall, *, is_too_many: bool) -> ToolResult:
            async with gate:
                return await self._result(call, is_too_many=is_too_many)

        results = await together(one(call, is_too_many=too_many) for call, too_many in wanted)
        self.results += results
        return tuple(
            replace(result, call_id=call) for call, result in zip(asked, results, strict=True)
        )

    async def hear(self, message: InboundMessage) -> InboundMessage:
        """Return what the agent is told of a decision, after doing what was approved."""
        approval = await self._hands.approvals.get(message.target or "")
        if approval is None:
            return replace(message, text="The tool call that this is about is not known any more.")
        if approval.state is not ApprovalState.APPROVED:
            return replace(message, text=_not_done(approval))
        call = replace(approval.call, id=f"approval-{approval.id}")
        result = await self._result(call, is_approved=True)
        self.results.append(result)
        return replace(message, text=_done(approval, result))

    async def _result(
        self, call: ToolCall, *, is_too_many: bool = False, is_approved: bool = False
    ) -> ToolResult:
        result = self._journal.get(call.id)
        if result is None:
            self._lines.begin(call)
            if is_too_many:
                log.warning("tool_loop", extra={"turn": self._turn.ref.id, "tool": call.name})
                result = _same_again(call, self._hands.limits.same_calls)
            else:
                result = _cut(await self._outcome(call, is_approved=is_approved))
            await self._hands.turns.record_tool_result(self._turn.ref, call, result)
            outcome = "failed" if result.is_error else "done"
            outcome = "repeated" if is_too_many else outcome
            self._hands.metrics.tool_calls.labels(outcome=outcome).inc()
        self._lines.end(call, result)
        return result

    async def _outcome(self, call: ToolCall, *, is_approved: bool) -> ToolResult:
        if call.id in self._turn.tool_intents:
            return ToolResult(call.id, OUTCOME_UNKNOWN.format(tool=call.name), is_error=True)
        spec = self._by_name.get(call.name)
        if spec is None:
            # Tools come and go: one that came since would be called without its rules.
            return ToolResult(call.id, unknown_tool(call.name, list(self._by_name)), is_error=True)
        if not is_approved and self._hands.approvals.is_needed(spec, call):
            return await self._hands.approvals.ask(self._turn, call, self._errand)
        if spec.effect is Effect.EXTERNAL:
            await self._hands.turns.intend_tool_call(self._turn.ref, call)
        return await self._hands.toolbox.call(self._turn, call)

    def _named_apart(self, call: ToolCall) -> ToolCall:
        name, number = call.id, 1
        while name in self._names:
            number += 1
            name = f"{call.id} ({number})"
        self._names.add(name)
        return replace(call, id=name)

    def _is_one_too_many(self, call: ToolCall) -> bool:
        self._made[call.name, call.arguments] += 1
        return self._made[call.name, call.arguments] > self._hands.limits.same_calls


def _same_again(call: ToolCall, count: int) -> ToolResult:
    return ToolResult(call.id, SAME_AGAIN.format(tool=call.name, count=count), is_error=True)


def _cut(result: ToolResult) -> ToolResult:
    text, total = result.text[:LONGEST_RESULT], len(result.text)
    if total > LONGEST_RESULT:
        text += f"\n[cut: {total:,} characters in all]"
    return replace(result, text=storable(text))


def _done(approval: Approval, result: ToolResult) -> str:
    how = "It failed" if result.is_error else "It was carried out and returned"
    return f"{approval.decided_by} said yes to {_named(approval)}. {how}:\n{result.text}"


def _not_done(approval: Approval) -> str:
    if approval.state is ApprovalState.EXPIRED:
        return f"Nobody decided in time about {_named(approval)}. It was not carried out."
    return (
        f"{approval.decided_by} said no to {_named(approval)}. It was not carried out. "
        "Do not ask for it again unless you are told to."
    )


def _named(approval: Approval) -> str:
    return f"your call of {approval.call.name} (approval {approval.id})"
