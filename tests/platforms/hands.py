"""Tools for agents behind a real platform: one that needs a yes, and those that give something."""

from __future__ import annotations

import json
from datetime import timedelta

from gateway.approvals import ApprovalOptions
from gateway.domain.tools import Effect, ToolCall
from gateway.ports import ArtifactStore, Clock, Store
from gateway.turn_runner import TurnOptions
from toolbox.executor import Executor
from toolbox.files import file_tools
from toolbox.registry import Registry, tool_from
from toolbox.talking import talking_tools

ASKS_FIRST = TurnOptions(
    approvals=ApprovalOptions(tools=frozenset({"pay"}), wait=timedelta(minutes=10))
)
PAY = ToolCall("c1", "pay", '{"euros": 5}')
SUGGEST = ToolCall("c2", "suggest_replies", '{"replies": ["Green tea", "No tea"]}')
CHOICE = ToolCall(
    "c2", "suggest_replies", json.dumps({"replies": [f"Tea number {n}" for n in range(25)]})
)
SAVE = ToolCall("c3", "save_file", '{"name": "plans/tea.md", "text": "# Tea"}')
ATTACH = ToolCall("c4", "attach_file", '{"name": "plans/tea.md"}')
NOT_YOURS = "This is not yours to decide."


class Bank:
    """Where the money goes."""

    def __init__(self) -> None:
        self.paid: list[int] = []

    async def pay(self, euros: int) -> str:
        """Pay somebody."""
        self.paid.append(euros)
        return f"{euros} euros are paid"


def hands(bank: Bank, store: Store, artifacts: ArtifactStore, clock: Clock) -> Executor:
    """Return the tools at work."""
    pay = tool_from(bank.pay, effect=Effect.EXTERNAL)
    return Executor(
        Registry([pay, *file_tools(artifacts), *talking_tools(store, clock, may_post={})])
    )
