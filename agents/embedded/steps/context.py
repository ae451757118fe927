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
from agents.embedded.steps.window import (
    Room,
    can_open,
    cut_before,
    fitted,
    room_in,
    tokens_of,
    total_tokens,
)
from agents.embedded.store import agents, blocks, conversations, messages, summaries, tools


@dataclass(frozen=True, slots=True)
class StepContext:
    """Everything stored that a step depends on."""

    agent: Agent
    blocks: tuple[Block, ...]
    tools: tuple[Tool, ...]
    history: tuple[Message, ...]
    conversation_settings: dict[str, Any]
    """What the conversation overrides of its agent, as its client gave it."""
    summary: str = ""
    """What was said before `history`."""


@dataclass(frozen=True, slots=True)
class Overflow:
    """The oldest messages of a window that is full."""

    history: tuple[Message, ...]
    summary_limit: int
    """In bytes."""


def load(db: sqlite3.Connection, run: Run) -> StepContext:
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
        tuple(messages.after(db, conversation.id, summary.covers_to if summary else 0)),
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


def build_request(context: StepContext, run: Run, now: datetime, window: int) -> ModelRequest:
    """The model request of a run's next step, cut to fit the window whatever it holds."""
    request = _whole_request(context, run, now)
    room = room_in(window, request)
    rest = Room(room.tokens - tokens_of(request.summary))
    return replace(request, messages=tuple(fitted(sliding_window(context.history), rest)))


def overflow(context: StepContext, run: Run, now: datetime, window: int) -> Overflow | None:
    """What has to be summarised before this step, if anything has."""
    room = room_in(window, _whole_request(context, run, now))
    if tokens_of(context.summary) + total_tokens(context.history) <= room.tokens:
        return None
    count = cut_before(context.history, room)
    return Overflow(context.history[:count], room.summary_characters) if count else None


def _whole_request(context: StepContext, run: Run, now: datetime) -> ModelRequest:
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
