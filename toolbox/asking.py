"""The tool by which an agent asks another agent of the same person."""

from __future__ import annotations

from gateway.domain.tools import Effect, ToolCall
from gateway.domain.turns import Turn
from gateway.ports import Colleagues
from toolbox.registry import Tool, tool_from


def asking_tools(colleagues: Colleagues) -> list[Tool]:
    """Return the tools."""

    async def ask_agent(turn: Turn, call: ToolCall, role: str, question: str) -> str:
        """Ask another agent of your person. Its answer comes to you later, in a message.

        Args:
            role: The name of the agent, or of a group of agents.
            question: All that it needs to know; it has not read your conversation.
        """
        return await colleagues.ask(turn, call, role, question)

    # The errand's id is made from the call's, so that a repeat asks nothing twice.
    return [tool_from(ask_agent, effect=Effect.IDEMPOTENT)]
