"""One grep finds a message's whole way through the logs, over all processes that had a part."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from agents.scripted import Ask
from gateway.domain.tools import ToolCall
from gateway.errors import RateLimited
from gateway.telemetry import set_up_logging, trace_of
from storage.memory.store import MemoryStore
from tests.fakes.hub import FakeHub
from toolbox.executor import Executor
from toolbox.registry import Registry, tool_from


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.level, list(root.handlers)
    stream = io.StringIO()
    handler = set_up_logging(stream=stream, is_json=True)
    yield stream
    root.removeHandler(handler)
    root.setLevel(before[0])


def _read(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


async def break_something() -> str:
    """Break."""
    raise LookupError("out of order")


async def test_a_turn_that_outlives_a_process_has_one_trace(lines: io.StringIO) -> None:
    hub = FakeHub(MemoryStore(), toolbox=Executor(Registry([tool_from(break_something)])))
    hub.agents.will(Ask((ToolCall("c1", "break_something", "{}"),)))
    hub.agents.will_say("It is broken.")
    hub.platform.faults.before.append(RateLimited("slow down", retry_after_seconds=30))
    ada, bob = hub.person("ada"), hub.person("bob")
    async with hub.running():
        await ada.says("try it")
        await hub.platform.until(lambda: not hub.platform.faults.before)
    async with hub.running():
        await ada.reads(1)
        await bob.says("hello")
        await bob.reads(1)

    metrics = hub.metrics.render().decode()
    assert 'postern_tool_calls_total{outcome="failed"} 1.0' in metrics
    assert "postern_first_text_seconds_count 2.0" in metrics
    told = _read(lines)
    of_ada = [line["event"] for line in told if line.get("trace") == trace_of("turn-1")]
    assert of_ada == [
        "message_received",
        "turn_claimed",
        "tool_raised",
        "turn_ended",
        "delivery_settled",
        "delivery_settled",
    ]
    assert len({line["trace"] for line in told if "event_id" in line}) == 2


async def test_messages_that_share_a_turn_are_named_where_it_begins(lines: io.StringIO) -> None:
    hub = FakeHub(MemoryStore())
    ada = hub.person("ada")
    await hub.inbox.receive(hub.message(ada, "one", "e1"))
    await hub.inbox.receive(hub.message(ada, "two", "e2"))
    async with hub.running():
        await ada.reads(1)

    (claimed,) = [line for line in _read(lines) if line["event"] == "turn_claimed"]
    assert (claimed["events"], claimed["trace"]) == ("e1 e2", trace_of("turn-1"))


async def test_a_line_about_nothing_in_particular_has_no_trace(lines: io.StringIO) -> None:
    logging.getLogger("gateway").info("started")

    assert "trace" not in _read(lines)[-1]
