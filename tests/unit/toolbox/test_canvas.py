"""Showing, changing and taking back: one message for each name, owner and place."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.domain.dead_letters import DeadDelivery
from gateway.domain.deliveries import Delivery, SendFailed, Sent
from gateway.domain.ids import PlatformMessageId, WorkerId
from gateway.domain.people import Mode
from gateway.domain.tools import ToolCall, ToolResult
from gateway.domain.turns import Turn
from storage.memory.store import MemoryStore
from tests.fakes.crashing import around
from tests.fakes.virtual_time import LoopClock
from tests.unit.toolbox.canvases import EVERY_KIND
from tests.unit.toolbox.turns import turn_of
from toolbox.canvas import canvas_tools
from toolbox.executor import Executor
from toolbox.registry import Registry


class Turns:
    """Lets everybody else go on at each call of the store, as a database does."""

    async def pass_by(self, name: str) -> None:
        """Come to a moment."""
        await asyncio.sleep(0)


class Wall:
    """The tools over one store, and a platform that shows all that is sent."""

    def __init__(self) -> None:
        self.store, self.clock = MemoryStore(), LoopClock()
        slow = around(self.store, "store", Turns())
        self._executor = Executor(Registry(canvas_tools(slow, self.clock)))
        self.shown: dict[str, Delivery] = {}
        self.is_refusing = False

    async def show(
        self, turn: Turn, text: str, name: str = "plan", call: str = "c1", **more: Any
    ) -> ToolResult:
        components = [{"type": "text", "text": text}]
        return await self._call(turn, call, "show", name=name, **{"components": components, **more})

    async def take_back(self, turn: Turn, name: str = "plan") -> ToolResult:
        return await self._call(turn, "c9", "take_back", name=name)

    async def drop_letters(self) -> None:
        """Let the operator let go what could not be sent."""
        for letter in await self.store.dead_letters.page(10):
            assert isinstance(letter, DeadDelivery)
            await self.store.dead_letters.drop(letter, self.clock.now())

    async def _call(self, turn: Turn, call: str, tool: str, **arguments: Any) -> ToolResult:
        result = await self._executor.call(turn, ToolCall(call, tool, json.dumps(arguments)))
        await self._send()
        return result

    async def _send(self) -> None:
        deliveries, worker = self.store.deliveries, WorkerId("w")
        now, lease = self.clock.now(), timedelta(minutes=1)
        while claimed := (await deliveries.claim(worker, ["fake"], 1, lease, now)).deliveries:
            for each in claimed:
                self.shown[each.id] = each
                sent = Sent(PlatformMessageId(each.receipt or f"m-{each.id}"))
                refused = SendFailed("refused")
                await deliveries.settle(each, refused if self.is_refusing else sent, now)

    @property
    def texts(self) -> list[str]:
        return [each.text for each in self.shown.values()]


async def test_the_same_name_again_changes_the_same_message() -> None:
    wall = Wall()

    first = await wall.show(turn_of("ada"), "one")
    button = {"type": "button", "label": "Two"}
    second = await wall.show(turn_of("ada", number=2), "", call="c2", components=[button])

    assert (first.text, second.text) == ('"plan" is shown.', '"plan" is changed.')
    ((name, shown),) = wall.shown.items()
    assert (shown.text, shown.revision, shown.receipt) == ("Two", 2, f"m-{name}")
    assert [each.says for each in shown.buttons] == ["Two (plan)"]
    assert shown.canvas is not None


async def test_what_is_shown_carries_its_words_and_buttons_for_those_who_see_no_canvas() -> None:
    wall = Wall()

    await wall.show(turn_of("ada"), "", components=EVERY_KIND)

    (shown,) = wall.shown.values()
    assert "90 € a night" in shown.text
    assert [each.says for each in shown.buttons] == [
        "Book the hotel (plan)",
        "Let us go (plan)",
        "Stay (plan)",
    ]


async def test_there_is_room_for_a_name_behind_what_a_button_says() -> None:
    wall = Wall()
    name = "x" * 40

    for length in (38, 37):
        button = {"type": "button", "label": "Yes", "says": "y" * length}
        told = await wall.show(turn_of("ada"), "", name=name, components=[button])
        assert told.is_error == (length == 38), told.text

    (shown,) = wall.shown.values()
    assert shown.buttons[0].says == f"{'y' * 37} ({name})"


async def test_after_it_was_taken_back_a_name_begins_anew() -> None:
    wall = Wall()
    await wall.show(turn_of("ada"), "one")

    taken = await wall.take_back(turn_of("ada", number=2))
    again = await wall.take_back(turn_of("ada", number=2))
    await wall.show(turn_of("ada", number=3), "three")

    assert (taken.is_error, again.is_error) == (False, True)
    assert again.text == 'Nothing called "plan" is shown here.'
    assert wall.texts == ["", "three"]


async def test_a_repeat_of_a_call_shows_nothing_twice() -> None:
    wall = Wall()
    turn = turn_of("ada")

    await wall.show(turn, "one")
    await wall.show(turn, "one")

    assert wall.texts == ["one"]


async def test_two_calls_of_one_round_share_a_message() -> None:
    wall = Wall()
    turn = turn_of("ada")

    await asyncio.gather(wall.show(turn, "one"), wall.show(turn, "two", call="c2"))

    assert len(wall.shown) == 1


async def test_nobody_else_and_nothing_elsewhere_changes_it() -> None:
    wall = Wall()
    await wall.show(turn_of("ada"), "ada's")

    await wall.show(turn_of("bob"), "bob's")
    await wall.show(turn_of("ada", "scribe"), "the scribe's", call="c2")
    await wall.show(turn_of("ada", number=2, channel="c2"), "another")
    refused = await wall.take_back(turn_of("carl"))

    assert wall.texts == ["ada's", "bob's", "the scribe's", "another"]
    assert refused.is_error


async def test_a_shared_agent_changes_it_whoever_speaks() -> None:
    wall = Wall()

    await wall.show(turn_of("ada", mode=Mode.CHANNEL), "one")
    await wall.show(turn_of("bob", mode=Mode.CHANNEL, number=2), "two")

    assert wall.texts == ["two"]


@pytest.mark.parametrize("is_dropped", [False, True])
async def test_what_its_platform_refused_is_begun_anew_and_that_is_told(
    *, is_dropped: bool
) -> None:
    wall = Wall()
    wall.is_refusing = True
    await wall.show(turn_of("ada"), "one")
    wall.is_refusing = False
    if is_dropped:
        await wall.drop_letters()

    refused = await wall.take_back(turn_of("ada"))
    repeated = await wall.show(turn_of("ada"), "one")
    shown = await wall.show(turn_of("ada", number=2), "two")

    assert refused.text == 'Nothing called "plan" is shown here.'
    assert repeated.text == '"plan" could not be shown: its platform took no such message.'
    assert shown.text.startswith('"plan" is shown anew: what was shown as it before could not')
    assert len(wall.shown) == 2


async def test_what_was_asked_in_private_is_shown_to_nobody_else() -> None:
    wall = Wall()
    asked = turn_of("ada")
    (said,) = asked.messages
    private = replace(asked, messages=(said, replace(said, is_private=True)))

    refused = await wall.show(private, "secret")

    assert refused.text.startswith("You were asked in private")
    assert wall.shown == {}


@pytest.mark.parametrize("name", ["", "Plan", "a b", "x" * 41, "../x", "a:b"])
async def test_a_name_is_a_plain_word(name: str) -> None:
    wall = Wall()

    refused = await wall.show(turn_of("ada"), "one", name=name)

    assert refused.is_error
    assert "A name is 1 to 40" in refused.text


async def test_a_mode_is_one_of_three_and_goes_with_the_canvas() -> None:
    wall = Wall()

    await wall.show(turn_of("ada"), "one", mode="overlay")
    refused = await wall.show(turn_of("ada"), "one", mode="popup")

    (shown,) = wall.shown.values()
    assert shown.canvas is not None
    assert shown.canvas.mode == "overlay"
    assert refused.is_error


async def test_what_does_not_fit_is_told_to_the_agent_and_nothing_is_shown() -> None:
    wall = Wall()

    refused = await wall.show(turn_of("ada"), "", components=[{"type": "RawJsx", "code": "x"}])

    assert "There is no RawJsx here" in refused.text
    assert wall.shown == {}
