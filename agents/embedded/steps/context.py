"""Context construction: what the model sees in one step. Reads the store, decides nothing else."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
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
    SystemSaid,
    Tool,
    ToolsReturned,
    UserSaid,
)
from agents.embedded.store import agents, blocks, conversations, messages, tools

_NEWEST = 400
"""Messages read for the window, before it is cut to size."""
_CHARACTERS_PER_TOKEN = 4
_HISTORY_SHARE = 0.6
"""The part of the context window that history may fill."""


@dataclass(frozen=True, slots=True)
class StepContext:
    """Everything stored that a step depends on."""

    agent: Agent
    blocks: tuple[Block, ...]
    tools: tuple[Tool, ...]
    history: tuple[Message, ...]
    conversation_settings: dict[str, Any]
    """What the conversation overrides of its agent, as its client gave it."""


def load(db: sqlite3.Connection, run: Run, context_window: int) -> StepContext:
    """Read the context of a run's next step; history only as far as the window reaches."""
    agent = agents.get(db, run.agent_id)
    conversation = conversations.get(db, run.conversation_id)
    if agent is None or conversation is None:
        raise NotFound(f"Agent with ID {run.agent_id} not found")
    window = conversation.settings.get("context_window_limit") or context_window
    characters = int(window * _CHARACTERS_PER_TOKEN * _HISTORY_SHARE)
    return StepContext(
        agent,
        tuple(blocks.of_agent(db, agent.id)),
        tuple(tools.of_agent(db, agent.id)),
        tuple(messages.newest(db, run.conversation_id, _NEWEST, characters)),
        conversation.settings,
    )


def build_request(context: StepContext, run: Run, now: datetime) -> ModelRequest:
    """The model request of a run's next step."""
    agent, overrides = context.agent, context.conversation_settings
    handle = run.request.override_model or overrides.get("model") or agent.model
    instructions = run.request.override_system or agent.system
    return ModelRequest(
        model=handle.partition("/")[2] or handle,
        system=render_system(instructions, context.blocks, now),
        messages=tuple(sliding_window(context.history)),
        tools=offered_tools(context.tools, run),
        blocks=context.blocks,
        settings={
            **(agent.settings.get("model_settings") or {}),
            **(overrides.get("model_settings") or {}),
        },
    )


def offered_tools(stored: Sequence[Tool], run: Run) -> tuple[OfferedTool, ...]:
    """The agent's tools and the client's; of two with one name the client's wins."""
    theirs = [
        OfferedTool(tool.name, tool.description, tool.parameters, by_client=True)
        for tool in run.request.client_tools
    ]
    taken = {tool.name for tool in theirs}
    ours = [
        OfferedTool(tool.name, tool.description, tool.parameters)
        for tool in stored
        if tool.name not in taken
    ]
    return (*ours, *theirs)


def sliding_window(history: Sequence[Message]) -> Sequence[Message]:
    """History from the first message where somebody spoke, without answers to unseen calls."""
    start = next((n for n, message in enumerate(history) if _can_open(message)), 0)
    return _repaired(history[start:])


def _can_open(message: Message) -> bool:
    return isinstance(message.body, UserSaid | SystemSaid)


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
