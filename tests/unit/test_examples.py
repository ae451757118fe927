"""The examples are settings that hold, a roster that goes in whole, and tools that work."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.letta.runtime import LettaRuntime
from gateway.bootstrap.minds import opened_mind
from gateway.clock import SystemClock
from gateway.domain.conversations import Conversation
from gateway.domain.ids import LaneId, PersonId, TurnId
from gateway.domain.tools import ToolCall
from gateway.domain.turns import Turn, TurnRef
from gateway.settings.sources import load_settings
from scheduler.roster import read_agent, read_roster
from storage.artifacts import MemoryArtifacts
from storage.memory.store import MemoryStore
from tests.fakes.virtual_time import EPOCH
from toolbox.executor import Executor
from toolbox.registry import Registry, Tool

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FILES = sorted(EXAMPLES.glob("*.toml"))
TURN = Turn(
    TurnRef(TurnId("turn-1"), LaneId("p/postern"), 1),
    PersonId("p"),
    "postern",
    Conversation("fake", "w1", "c1"),
    (),
    1,
    EPOCH,
)


@pytest.fixture
def shop() -> Iterator[Executor]:
    file = EXAMPLES / "shop_tools" / "shop_tools.py"
    spec = importlib.util.spec_from_file_location("shop_tools", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["shop_tools"] = module
    spec.loader.exec_module(module)
    tools: list[Tool] = module.TOOLS
    yield Executor(Registry(tools))
    del sys.modules["shop_tools"]


def _call(name: str, arguments: str, call: str = "call-1") -> ToolCall:
    return ToolCall(call, name, arguments)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
async def test_every_example_starts_as_it_stands(file: Path) -> None:
    settings, clock = load_settings({"LETTA_BASE_URL": "http://127.0.0.1:9"}, file), SystemClock()

    async with opened_mind(settings, MemoryStore(), MemoryArtifacts(clock), clock) as mind:
        assert isinstance(mind.runtime, LettaRuntime)


def test_the_page_names_every_example() -> None:
    page = (EXAMPLES / "README.md").read_text()

    for each in EXAMPLES.iterdir():
        assert each.name == "README.md" or f"({each.name})" in page


def test_the_roster_is_understood() -> None:
    agents = [read_agent(each) for each in read_roster((EXAMPLES / "watchers.json").read_text())]

    assert [agent.name for agent in agents] == ["research-assistant", "file-keeper"]


async def test_a_large_refund_asks_first_and_a_repeat_pays_once(shop: Executor) -> None:
    small = _call("refund", '{"order": "R-1001", "euros": 20}')
    large = _call("refund", '{"order": "R-1001", "euros": 79}', "call-2")

    (refund,) = [spec for spec in shop.specs(TURN) if spec.name == "refund"]
    assert not refund.needs_approval(small)
    assert refund.needs_approval(large)
    first, again = await shop.call(TURN, small), await shop.call(TURN, small)
    assert first == again
    assert first.text == "20.00 euros go back for R-1001."


async def test_what_can_not_be_is_said_to_the_agent(shop: Executor) -> None:
    unknown = await shop.call(TURN, _call("look_up_order", '{"order": "R-9"}'))
    too_much = await shop.call(TURN, _call("refund", '{"order": "R-1002", "euros": 49}'))

    assert "Ask for the number on the invoice" in unknown.text
    assert "12.50 euros" in too_much.text
