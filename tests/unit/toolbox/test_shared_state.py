"""Keys that a person's agents share: nobody sets one over what they have not read."""

from __future__ import annotations

import asyncio
import json

import pytest

from gateway.domain.people import Mode
from gateway.domain.tools import ToolCall
from gateway.domain.turns import Turn
from storage.artifacts import Limits, MemoryArtifacts
from tests.fakes.virtual_time import LoopClock
from tests.unit.toolbox.turns import turn_of
from toolbox.executor import Executor
from toolbox.files import file_tools
from toolbox.registry import Registry
from toolbox.shared_state import MOST_LISTED, shared_state_tools

SCRIBE, PLANNER, BOB = turn_of("ada", "scribe"), turn_of("ada", "planner"), turn_of("bob")


class Board:
    """The tools over one store, as agents call them."""

    def __init__(self, limits: Limits | None = None) -> None:
        artifacts = MemoryArtifacts(LoopClock(), limits)
        tools = [*shared_state_tools(artifacts), *file_tools(artifacts)]
        self._executor = Executor(Registry(tools))

    async def set(self, turn: Turn, key: str, value: str, was: str = "") -> str:
        return await self.call(turn, "set_shared_state", key=key, value=value, was=was)

    async def read(self, turn: Turn, key: str) -> str:
        return await self.call(turn, "read_shared_state", key=key)

    async def call(self, turn: Turn, tool: str, **arguments: str) -> str:
        return (await self._executor.call(turn, ToolCall("c1", tool, json.dumps(arguments)))).text


async def test_another_agent_of_the_person_reads_what_one_set() -> None:
    board = Board()

    said = await board.set(SCRIBE, "trip", "the scribe plans it")

    assert said == '"trip" is set.'
    assert await board.read(PLANNER, "trip") == "the scribe plans it"
    assert await board.call(PLANNER, "list_shared_state") == "trip: the scribe plans it"


async def test_a_key_is_not_set_over_what_was_not_read() -> None:
    board = Board()
    await board.set(SCRIBE, "trip", "one")
    await board.set(PLANNER, "trip", "two", was="one")

    late = await board.set(SCRIBE, "trip", "three", was="one")
    unread = await board.set(SCRIBE, "trip", "three")

    assert late == unread == 'Not set: "trip" is not what you read. It says now:\ntwo'
    assert await board.read(SCRIBE, "trip") == "two"


async def test_of_agents_that_take_a_task_at_once_one_has_it() -> None:
    board = Board()
    turns = [turn_of("ada", f"agent-{number}") for number in range(8)]

    said = await asyncio.gather(*(board.set(turn, "task", turn.role) for turn in turns))

    winner = await board.read(SCRIBE, "task")
    assert said.count('"task" is set.') == 1
    assert said.index('"task" is set.') == [turn.role for turn in turns].index(winner)


async def test_the_same_call_again_is_no_conflict_with_itself() -> None:
    board = Board()
    await board.set(SCRIBE, "trip", "one")

    again = [await board.set(SCRIBE, "trip", "two", was="one") for _ in range(2)]

    assert again == ['"trip" is set.'] * 2


async def test_nobody_elses_keys_are_seen() -> None:
    board = Board()
    await board.set(SCRIBE, "trip", "canary")
    team = turn_of("ada", "team", mode=Mode.CHANNEL)

    for stranger in (BOB, team):
        assert await board.read(stranger, "trip") == 'There is no "trip".'
        assert await board.call(stranger, "list_shared_state") == "There are no keys."


@pytest.mark.parametrize("key", ["", "../trip", "a/b", ".hidden", "x" * 61, "trip\n", "é"])
async def test_a_key_is_a_plain_name(key: str) -> None:
    board = Board()

    assert (await board.set(SCRIBE, key, "one")).startswith("A key has 1 to 60")
    assert (await board.read(SCRIBE, key)).startswith("A key has 1 to 60")


@pytest.mark.parametrize("value", ["", "  ", "x" * 4_001])
async def test_a_value_is_neither_empty_nor_long(value: str) -> None:
    assert (await Board().set(SCRIBE, "trip", value)).startswith("A value has 1 to 4,000")


async def test_a_value_may_be_as_long_as_that_and_is_listed_in_part() -> None:
    board = Board()

    await board.set(SCRIBE, "trip", "x" * 4_000)
    await board.set(SCRIBE, "walk", "by the sea")

    assert await board.read(SCRIBE, "trip") == "x" * 4_000
    listed = await board.call(SCRIBE, "list_shared_state")
    assert listed == f"trip: {'x' * 200}…\nwalk: by the sea"


async def test_where_there_are_more_keys_than_are_listed_it_says_so() -> None:
    board = Board()
    for number in range(MOST_LISTED + 1):
        await board.set(SCRIBE, f"k{number:03}", "one")

    *listed, last = (await board.call(SCRIBE, "list_shared_state")).split("\n")

    assert len(listed) == MOST_LISTED
    assert last == "There are more keys than these."


async def test_what_else_keeps_a_key_from_being_set_is_told_as_it_is() -> None:
    board = Board(Limits(owner_files=1))
    await board.set(SCRIBE, "trip", "one")

    said = await board.set(SCRIBE, "walk", "two")

    assert "files, the most that are allowed" in said
    assert "Not set" not in said


async def test_no_file_is_saved_over_a_key() -> None:
    board = Board()
    await board.set(SCRIBE, "trip", "one")

    said = await board.call(SCRIBE, "save_file", name="state/trip.txt", text="mine")

    assert said == "What is under state/ is changed by set_shared_state."
    assert await board.read(SCRIBE, "trip") == "one"
