"""What the agents of one person keep in mind together: changed by many, lost by none."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from agents.scripted import ScriptedAgents
from gateway.domain.ids import AgentId
from gateway.domain.memory import MemoryBlock
from gateway.domain.people import Person
from gateway.domain.tools import ToolCall
from gateway.domain.turns import Turn
from gateway.errors import BadInput
from tests.unit.toolbox.turns import turn_of
from toolbox.executor import Executor
from toolbox.registry import Registry
from toolbox.shared_memory import changed, shared_memory_tools

ROLES = {"planner": ("state",), "scribe": ("state",), "loner": ()}
STATE = MemoryBlock("state", "calm", 60)


class Board:
    """Memory in which one block is everybody's, and others are quick to write to it."""

    def __init__(self) -> None:
        self.state = STATE
        self.others: list[str] = []
        """What somebody else writes between the next reads and writes."""

    async def blocks(self, agent: AgentId) -> list[MemoryBlock]:
        return [MemoryBlock("persona", "my own", 60), self.state]

    async def write(self, agent: AgentId, label: str, value: str, *, was: str) -> bool:
        await asyncio.sleep(0)
        if self.others:
            self.state = replace(self.state, value=f"{self.state.value}\n{self.others.pop(0)}")
        if self.state.value != was:
            return False
        self.state = replace(self.state, value=value)
        return True

    async def delete(self, agent: AgentId) -> None:
        raise NotImplementedError("no tool deletes agents")


class Desk:
    """The tools over one board, as agents call them."""

    def __init__(self) -> None:
        self.board = Board()
        self.agents = ScriptedAgents()
        tools = shared_memory_tools(self.board, self.agents, ROLES)
        self._executor = Executor(Registry(tools))

    async def change(self, turn: Turn, new: str, old: str = "", label: str = "state") -> str:
        arguments = json.dumps({"label": label, "new": new, "old": old})
        return await self._call(turn, "change_shared_memory", arguments)

    async def read(self, turn: Turn) -> str:
        return await self._call(turn, "read_shared_memory", "{}")

    async def _call(self, turn: Turn, tool: str, arguments: str) -> str:
        if await self.agents.agent_of(turn.person, turn.role) is None:
            await self.agents.create_agent(Person(turn.person, ""), turn.role)
        return (await self._executor.call(turn, ToolCall("c1", tool, arguments))).text


async def test_what_one_agent_writes_another_reads_and_its_own_memory_is_not_shown() -> None:
    desk = Desk()

    told = await desk.change(turn_of("ada", "planner"), "at the sea")

    assert told == "state says now:\ncalm\nat the sea"
    assert await desk.read(turn_of("ada", "scribe")) == (
        "state (15 of 60 characters):\ncalm\nat the sea"
    )


async def test_writers_at_the_same_moment_lose_nothing_of_each_other() -> None:
    desk = Desk()
    roles = ("planner", "scribe")

    await asyncio.gather(*(desk.change(turn_of("ada", role), role) for role in roles))

    assert sorted(desk.board.state.value.splitlines()) == ["calm", "planner", "scribe"]


async def test_a_change_is_made_anew_over_what_came_between() -> None:
    desk = Desk()
    desk.board.others = ["at sea", "with Bob"]

    await desk.change(turn_of("ada", "planner"), "quiet", old="calm")

    assert desk.board.state.value == "quiet\nat sea\nwith Bob"


async def test_where_others_never_stop_the_agent_is_told() -> None:
    desk = Desk()
    desk.board.others = ["x"] * 5

    told = await desk.change(turn_of("ada", "planner"), "quiet")

    assert told == "Others are changing state all the time. Read it, and try again."
    assert "quiet" not in desk.board.state.value


async def test_an_agent_reaches_only_what_its_role_shares() -> None:
    desk = Desk()

    assert await desk.read(turn_of("ada", "loner")) == "You share no memory with other agents."
    told = await desk.change(turn_of("ada", "planner"), "evil", label="persona")
    assert told == 'You share no "persona". There is state.'


@pytest.mark.parametrize(
    ("block", "old", "complaint"),
    [
        (STATE, "wild", "0 times in state"),
        (replace(STATE, value="calm, calm"), "calm", "2 times in state"),
        (replace(STATE, is_read_only=True), "", "can not be changed"),
        (replace(STATE, limit=6), "", "10 characters; 6 is the most"),
    ],
)
def test_what_can_not_be_changed_is_refused(block: MemoryBlock, old: str, complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        changed(block, old, "quiet")


def test_where_nothing_is_shared_there_are_no_such_tools() -> None:
    assert shared_memory_tools(Board(), ScriptedAgents(), {"postern": ()}) == []
