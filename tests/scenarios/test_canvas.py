"""Canvases through the whole hub: shown, pressed, changed, taken back; once over any crash."""

from __future__ import annotations

import asyncio
import json

import pytest

from agents.scripted import Ask
from gateway.domain.tools import ToolCall
from storage.memory.store import MemoryStore
from tests.fakes.crashing import CrashPoints, around
from tests.fakes.hub import FakeHub
from tests.fakes.platform import Shown
from tests.fakes.virtual_time import LoopClock
from toolbox.canvas import canvas_tools
from toolbox.executor import Executor
from toolbox.registry import Registry

EDGES = ("before", "after")


class Life:
    """Where the process that lives now may die."""

    def __init__(self) -> None:
        self.points = CrashPoints()

    async def pass_by(self, name: str) -> None:
        """Come to a moment of this life."""
        await self.points.pass_by(name)


def _hub(life: Life) -> FakeHub:
    store = MemoryStore()
    tools = canvas_tools(around(store, "store", life), LoopClock())
    return FakeHub(store, toolbox=Executor(Registry(tools)))


def _show(text: str, call: str) -> Ask:
    components = [{"type": "text", "text": text}, {"type": "button", "label": "Book it"}]
    arguments = json.dumps({"name": "plan", "components": components})
    return Ask((ToolCall(call, "show", arguments),))


def _take_back(call: str) -> Ask:
    return Ask((ToolCall(call, "take_back", '{"name": "plan"}'),))


def _canvases(hub: FakeHub) -> list[Shown]:
    """Return the messages that show, or showed, a canvas."""
    return [shown for shown in hub.platform.messages if "words of" in shown.texts[0]]


async def test_a_canvas_is_shown_changed_and_taken_back_between_the_answers() -> None:
    hub = _hub(Life())
    for asked in (_show("words of one", "c1"), _show("words of two", "c2"), _take_back("c3")):
        hub.agents.will(asked)
        hub.agents.will_say("Done.")

    async with hub.running():
        ada = hub.person("ada")
        for count in (1, 2, 3):
            await ada.says(f"step {count}")
            await hub.platform.until(lambda wanted=count: ada.sees.count("Done.") == wanted)

    (canvas,) = _canvases(hub)
    assert canvas.texts == ["words of one", "words of two", ""]
    assert hub.platform.messages[0] is canvas


async def test_a_press_is_heard_by_the_agent_of_who_pressed() -> None:
    hub = _hub(Life())
    hub.agents.will(_show("words of one", "c1"))
    hub.agents.will_say("Here.")
    hub.agents.will_say("Booked.")

    async with hub.running():
        ada, bob = hub.person("ada"), hub.person("bob")
        await ada.says("show me")
        await ada.reads(2)
        (canvas,) = _canvases(hub)
        await bob.says(canvas.buttons[0].says)
        seen = await bob.reads(1)

    assert seen == ["Booked."]
    assert hub.agents.heard[-1][0].endswith("\nBook it (plan)")


TAKING = [f"{edge} store.{call}" for call in ("deliveries.revise", "notes.drop") for edge in EDGES]


@pytest.mark.parametrize("moment", TAKING)
async def test_a_canvas_is_taken_back_over_a_crash(moment: str) -> None:
    life = Life()
    hub = _hub(life)
    for asked in (_show("words of one", "c1"), _take_back("c2")):
        hub.agents.will(asked)
        hub.agents.will_say("Done.")
    ada = hub.person("ada")
    async with hub.running():
        await ada.says("show me")
        await ada.reads(2)
    life.points = CrashPoints(at_name=moment)

    async with asyncio.TaskGroup() as group:
        story = group.create_task(ada.says("enough", event_id="e2"))
        await hub.until_crash(life.points)
        life.points = CrashPoints()
        async with hub.running():
            await story
            await hub.platform.until(lambda: ada.sees == ["Done.", "Done."])

    (canvas,) = _canvases(hub)
    assert canvas.texts[-1] == ""


MOMENTS = [
    f"{edge} store.{call}"
    for call in ("notes.get", "deliveries.enqueue", "notes.put")
    for edge in EDGES
]


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_canvas_is_shown_once_over_a_crash_and_can_be_changed_after_it(
    moment: str,
) -> None:
    life = Life()
    hub = _hub(life)
    hub.agents.will(_show("words of one", "c1"))
    hub.agents.will_say("Here.")
    hub.agents.will(_show("words of two", "c2"))
    hub.agents.will_say("Changed.")
    ada = hub.person("ada")
    life.points = CrashPoints(at_name=moment)

    async with asyncio.TaskGroup() as group:
        story = group.create_task(ada.says("show me", event_id="e1"))
        await hub.until_crash(life.points)
        life.points = CrashPoints()
        async with hub.running():
            await story
            await ada.reads(2)
            await ada.says("change it")
            await ada.reads(3)

    (canvas,) = _canvases(hub)
    assert canvas.text == "words of two"
