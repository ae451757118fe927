"""Programs of agents: few at a time, however many are sent."""

from __future__ import annotations

import asyncio

from gateway.domain.compute import Job, Outcome, RunLimits
from gateway.domain.ids import AgentId, PersonId
from gateway.domain.tools import Caller, ToolCall
from toolbox.executor import Executor
from toolbox.mcp import code_tools
from toolbox.registry import Registry

CALLER = Caller(PersonId("ada"), "coach", AgentId("agent-1"))


class Counting:
    """A ComputeBackend that counts how many runs there are at once."""

    def __init__(self) -> None:
        self.running = 0
        self.most = 0

    async def run(self, job: Job) -> Outcome:
        self.running += 1
        self.most = max(self.most, self.running)
        for _ in range(5):
            await asyncio.sleep(0)
        self.running -= 1
        return Outcome(True, "null", "ran\n")


async def test_many_programs_run_few_at_a_time() -> None:
    backend = Counting()
    tools = Executor(Registry(code_tools(backend, RunLimits(), at_once=3)))
    call = ToolCall("c", "run_python", '{"code": "print()"}')

    results = await asyncio.gather(*(tools.call(CALLER, call) for _ in range(12)))

    assert [each.text for each in results] == ["ran\n"] * 12
    assert backend.most == 3
