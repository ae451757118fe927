"""Context construction: what the model sees in one step. Reads the store, decides nothing else."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from agents.embedded.errors import NotFound
from agents.embedded.memory.rendering import render_system
from agents.embedded.models.model import ModelRequest, OfferedTool
from agents.embedded.records import (
    Agent,
    AssistantSaid,
    Block,
    Message,
    Run,
    Tool,
    ToolsReturned,
)
from agents.embedded.steps.histories import Histories, History
from agents.embedded.steps.window import Room, can_open, cut_before, fitted, room_in, tokens_of
from agents.embedded.store import agents, blocks, conversations, summaries, tools


@dataclass(frozen=True, slots=True)
class StepContext:
    """Everything stored that a step depends on."""

    agent: Agent
    blocks: tuple[Block, ...]
    tools: tuple[Tool, ...]
    history: History
    conversation_settings: dict[str, Any]
    """What the conversation overrides of its agent, as its client gave it."""
    summary: str = ""
    """What was said before `history`."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A step's request without its messages, and the room that is left for them."""

    request: ModelRequest
    room: Room


@dataclass(frozen=True, slots=True)
class Overflow:
    """The oldest messages of a window that is full."""

    history: tuple[Message, ...]
    summary_limit: int
    """In bytes."""


def load(db: sqlite3.Connection, run: Run, histories: Histories) -> StepContext:
    """Read the context of a run's next step: everything that no summary covers yet."""
    agent = agents.get(db, run.agent_id)
    conversation = conversations.get(db, run.conversation_id)
    if agent is None or conversation is None:
        raise NotFound(f"Agent with ID {run.agent_id} not found")
    summary = summaries.newest(db, conversation.id)
    return StepContext(
        agent,
        tuple(blocks.of_agent(db, agent.id)),
        tuple(tools.of_agent(db, agent.id)),
        histories.read(db, conversation.id, summary.covers_to if summary else 0),
        conversation.settings,
        summary.text if summary else "",
    )


def window_of(context: StepContext, server_window: int) -> int:
    """How many tokens the model may be shown: the conversation's limit, the agent's, or ours."""
    for settings in (context.conversation_settings, context.agent.settings):
        limit = settings.get("context_window_limit")
        if isinstance(limit, int) and limit > 0:
            return limit
    return server_window


def frame(context: StepContext, run: Run, now: datetime, window: int) -> Frame:
    """Everything of a run's next step but what was said."""
    request = _empty_request(context, run, now)
    return Frame(request, room_in(window, request))


def build_request(context: StepContext, frame: Frame) -> ModelRequest:
    """The model request of the step, cut to fit the window whatever it holds."""
    rest = Room(frame.room.tokens - tokens_of(context.summary))
    shown = sliding_window(context.history.messages)
    if context.history.tokens > rest.tokens:
        shown = fitted(shown, rest)
    return replace(frame.request, messages=tuple(shown))


def overflow(context: StepContext, frame: Frame) -> Overflow | None:
    """What has to be summarised before this step, if anything has."""
    history, room = context.history, frame.room
    if tokens_of(context.summary) + history.tokens <= room.tokens:
        return None
    count = cut_before(history.messages, room)
    return Overflow(history.messages[:count], room.summary_characters) if count else None


def _empty_request(context: StepContext, run: Run, now: datetime) -> ModelRequest:
    agent, overrides = context.agent, context.conversation_settings
    handle = run.request.override_model or overrides.get("model") or agent.model
    instructions = run.request.override_system or agent.system
    return ModelRequest(
        model=handle.partition("/")[2] or handle,
        system=render_system(instructions, context.blocks, now),
        messages=(),
        tools=offered_tools(context.tools, run),
        blocks=context.blocks,
        settings={
            **(agent.settings.get("model_settings") or {}),
            **(overrides.get("model_settings") or {}),
        },
        summary=context.summary,
    )


def offered_tools(stored: Sequence[Tool], run: Run) -> tuple[OfferedTool, ...]:
    """The agent's tools and the client's; of two with one name the client's wins."""
    theirs = [
        OfferedTool(tool.name, tool.description, tool.parameters, by_client=True)
        for tool in run.request.client_tools
    ]
    taken = {tool.name for tool in theirs}
    ours = [
        OfferedTool(tool.name, tool.description, tool.parameters, source_code=tool.source_code)
        for tool in stored
        if tool.name not in taken
    ]
    return (*ours, *theirs)


def sliding_window(history: Sequence[Message]) -> Sequence[Message]:
    """History from the first message where somebody spoke, without answers to unseen calls."""
    start = next((n for n, message in enumerate(history) if can_open(message)), 0)
    return _repaired(history[start:])


def _repaired(history: Sequence[Message]) -> Sequence[Message]:
    """History without tool results whose calls scrolled out of the window."""
    called: set[str] = set()
    kept: list[Message] = []
    for message in history:
        if isinstance(message.body, AssistantSaid):
            called |= {call.id for call in message.body.calls}
        if isinstance(message.body, ToolsReturned):
            orphans = {item.tool_call_id for item in message.body.returns} - called
            if orphans:
                continue
        kept.append(message)
    return kept
