"""Asking a runtime for a round, and what came of it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from gateway.domain.ids import RunId
from gateway.domain.tools import ToolCall, ToolResult, ToolSpec
from gateway.domain.turns import (
    InputMessage,
    RunRequest,
    RunStarted,
    Session,
    TextDelta,
    ToolsAsked,
    TurnEvent,
)
from gateway.ports import AgentRuntime
from tests.fakes.patience import PATIENCE_SECONDS

DICE = ToolSpec(
    name="roll_dice",
    description="Roll a die.",
    parameters={"type": "object", "properties": {"sides": {"type": "integer"}}},
)


def says(session: Session, *texts: str, tools: tuple[ToolSpec, ...] = ()) -> RunRequest:
    """Return a new round in which people say this."""
    messages = tuple(InputMessage(text, str(uuid.uuid4())) for text in texts)
    return RunRequest(session, messages, messages[0].otid, tools)


def answers(before: RunRequest, results: Sequence[ToolResult]) -> RunRequest:
    """Return the round that brings the results of the tools."""
    return replace(before, input=tuple(results), otid=str(uuid.uuid4()), run=None)


async def follow(runtime: AgentRuntime, request: RunRequest) -> list[TurnEvent]:
    """Hear a round to its end."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        return [event async for event in runtime.run(request)]


async def follow_until(
    runtime: AgentRuntime, request: RunRequest, kind: type[TurnEvent]
) -> list[TurnEvent]:
    """Hear a round as far as the first event of this kind, and hang up."""
    heard: list[TurnEvent] = []
    events = runtime.run(request)
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for event in events:
            heard.append(event)
            if isinstance(event, kind):
                break
    if isinstance(events, AsyncGenerator):
        await events.aclose()
    return heard


def text_of(events: Sequence[TurnEvent]) -> str:
    """Return all that was said."""
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def run_of(events: Sequence[TurnEvent]) -> RunId:
    """Return the run that was announced; it comes first."""
    first = events[0]
    assert isinstance(first, RunStarted)
    return first.run


def calls_of(events: Sequence[TurnEvent]) -> tuple[ToolCall, ...]:
    """Return the calls that the round ended with."""
    last = events[-1]
    assert isinstance(last, ToolsAsked)
    return last.calls
