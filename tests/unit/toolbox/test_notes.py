"""What one agent of a person notes, the others of the same person find, and nobody else's."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gateway.domain.ids import TurnId
from gateway.domain.people import Mode
from gateway.domain.tools import ToolCall
from gateway.domain.turns import Turn
from storage.artifacts import MemoryArtifacts
from tests.fakes.virtual_time import EPOCH, LoopClock
from tests.unit.toolbox.turns import turn_of
from toolbox.executor import Executor
from toolbox.notes import FOLDER, LOOKED_THROUGH, MOST_FOUND, PAGE, note_tools
from toolbox.registry import Registry


class Notebook:
    """The tools over one store, as agents call them."""

    def __init__(self) -> None:
        self.artifacts = MemoryArtifacts(LoopClock())
        self._executor = Executor(Registry(note_tools(self.artifacts)))

    async def note(self, turn: Turn, text: str, call: str = "c1") -> str:
        return await self._call(turn, call, "note_for_all", text=text)

    async def search(self, turn: Turn, words: str, limit: int = 10) -> str:
        return await self._call(turn, "c2", "search_notes", words=words, limit=limit)

    async def _call(self, turn: Turn, call: str, tool: str, **arguments: object) -> str:
        asked = ToolCall(call, tool, json.dumps(arguments))
        return (await self._executor.call(turn, asked)).text


NOTHING = "No note has all of these words."


async def test_another_agent_of_the_same_person_finds_a_note() -> None:
    notebook = Notebook()

    await notebook.note(turn_of("ada", "scribe"), "The boat is blue.")
    found = await notebook.search(turn_of("ada", "planner", number=2), "BLUE boat")

    assert found == f"[{EPOCH:%Y-%m-%d}, scribe: The boat is blue.]"


async def test_nobody_elses_agents_find_it_nor_those_that_a_place_shares() -> None:
    notebook = Notebook()
    await notebook.note(turn_of("ada"), "canary")
    await notebook.note(turn_of("ada", "team", mode=Mode.CHANNEL), "of the channel", "c9")

    assert await notebook.search(turn_of("bob"), "canary") == NOTHING
    assert await notebook.search(turn_of("ada", "team", mode=Mode.CHANNEL), "canary") == NOTHING
    assert "of the channel" in await notebook.search(
        turn_of("bob", "team", mode=Mode.CHANNEL), "channel"
    )


async def test_the_newest_come_first_and_no_more_than_asked_for() -> None:
    notebook = Notebook()
    for number in range(1, 6):
        await notebook.note(turn_of("ada", number=number), f"tea {number}")

    found = await notebook.search(turn_of("ada"), "tea", limit=2)

    assert [line[-6:] for line in found.split("\n\n")] == ["tea 5]", "tea 4]"]


async def test_a_note_has_all_of_the_words() -> None:
    notebook = Notebook()
    await notebook.note(turn_of("ada"), "The boat is blue.")

    assert await notebook.search(turn_of("ada"), "blue car") == NOTHING


@pytest.mark.parametrize(("asked", "given"), [(-1, 1), (0, 1), (1_000, MOST_FOUND)])
async def test_a_number_that_makes_no_sense_is_brought_to_one_that_does(
    asked: int, given: int
) -> None:
    notebook = Notebook()
    for number in range(MOST_FOUND + 1):
        await notebook.note(turn_of("ada"), "tea", f"c{number}")

    found = await notebook.search(turn_of("ada"), "tea", limit=asked)

    assert len(found.split("\n\n")) == given


async def test_of_very_many_notes_the_newest_are_looked_through() -> None:
    notebook = Notebook()
    for number in range(PAGE + 1):
        key = f"ada/{FOLDER}/2026-01-01-{number:06}-x.md"
        await notebook.artifacts.save(key, f"scribe: tea {number:06}".encode())

    oldest, newest = PAGE + 1 - LOOKED_THROUGH, PAGE

    assert f"tea {newest:06}" in await notebook.search(turn_of("ada"), f"{newest:06}")
    assert f"tea {oldest:06}" in await notebook.search(turn_of("ada"), f"{oldest:06}")
    assert await notebook.search(turn_of("ada"), f"{oldest - 1:06}") == NOTHING


async def test_calls_of_one_id_in_two_turns_write_two_notes() -> None:
    notebook, first = Notebook(), turn_of("ada")
    second = replace(first, ref=replace(first.ref, id=TurnId("turn-other")))

    for turn in (first, second):
        await notebook.note(turn, "tea")

    assert len(await notebook.artifacts.list(f"ada/{FOLDER}")) == 2


async def test_the_same_call_again_writes_one_note() -> None:
    notebook = Notebook()

    for _ in range(2):
        await notebook.note(turn_of("ada"), "once")

    assert len(await notebook.artifacts.list(f"ada/{FOLDER}")) == 1


async def test_a_note_without_words_or_with_too_many_is_refused() -> None:
    notebook = Notebook()

    told = [await notebook.note(turn_of("ada"), text) for text in ("  ", "x" * 4_001)]

    assert told == ["A note has 1 to 4,000 characters."] * 2
    assert await notebook.artifacts.list(f"ada/{FOLDER}") == []
