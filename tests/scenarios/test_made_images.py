"""A picture is paid for once, whenever the process dies: kept and sent, or told as not certain."""

from __future__ import annotations

import asyncio

from agents.scripted import Ask
from gateway.domain.people import person_id_of
from gateway.domain.tools import ToolCall
from storage.artifacts.memory import MemoryArtifacts
from storage.memory.store import MemoryStore
from tests.fakes.crashing import CrashPoints, around
from tests.fakes.hub import FakeHub, HubOptions
from tests.fakes.virtual_time import LoopClock
from toolbox.executor import Executor
from toolbox.image_making import ImageLimits, image_tools
from toolbox.image_service import Picture
from toolbox.registry import Registry


class Brush:
    """Paints the same for everybody."""

    def __init__(self) -> None:
        self.painted = 0

    async def make(self, description: str, size: str) -> Picture:
        """Return a picture of it."""
        self.painted += 1
        await asyncio.sleep(1.0)
        return Picture("image/png", b"\x89PNG\r\n\x1a\n")


class Studio:
    """A hub whose agent makes one picture when it is first asked, and then says so."""

    def __init__(self, points: CrashPoints | None = None) -> None:
        self.points = points or CrashPoints()
        self.brush, store = Brush(), MemoryStore()
        self.artifacts = MemoryArtifacts(LoopClock())
        self._store = store
        self.hub = FakeHub(
            store,
            options=HubOptions(artifacts=self.artifacts),
            toolbox=self._hands(self.points),
        )
        call = ToolCall("c1", "make_image", '{"description": "A fox."}')
        self.hub.agents.will(Ask((call,)))
        self.hub.agents.will_say("Look.")
        self.ada = self.hub.person("ada")

    def _hands(self, points: CrashPoints) -> Executor:
        made = image_tools(
            around(self.brush, "brush", points),
            around(self.artifacts, "artifacts", points),
            around(self._store.notes, "counted", points),
            LoopClock(),
            ImageLimits(),
        )
        return Executor(Registry(made))

    async def live_on(self) -> None:
        """Go on as a new process, until the answer is there."""
        self.hub.toolbox = self._hands(CrashPoints())
        async with self.hub.running():
            await self.ada.reads(1)


async def _moments() -> list[str]:
    studio = Studio()
    studio.hub.record(studio.points)
    async with studio.hub.running():
        await studio.ada.says("Paint a fox.", event_id="e1")
        await studio.ada.reads(1)
        return list(studio.points.passed)


async def test_a_crash_at_any_moment_paints_no_picture_twice() -> None:
    moments = await _moments()
    assert {"before brush.make", "after artifacts.save", "after counted.put"} <= set(moments)

    for at in range(1, len(moments) + 1):
        studio = Studio(CrashPoints(at))
        await studio.hub.inbox.receive(studio.hub.message(studio.ada, "Paint a fox.", "e1"))
        async with asyncio.timeout(600):
            await studio.hub.until_crash(studio.points)
            await studio.live_on()

        died = f"died at {at}: {studio.points.passed[-1]}"
        (result,) = studio.hub.agents.returned[0]
        kept = await studio.artifacts.list(person_id_of(studio.ada.identity))
        assert studio.brush.painted <= 1, died
        assert len(kept) <= studio.brush.painted, died
        if result.is_error:
            assert "may or may not have happened" in result.text, died
        else:
            assert (studio.brush.painted, len(kept)) == (1, 1), died
        assert studio.ada.sees == ["Look."], died
