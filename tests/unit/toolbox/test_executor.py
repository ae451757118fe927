"""Tool calls within their limits."""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import pytest

from gateway.domain.conversations import Conversation
from gateway.domain.ids import LaneId, PersonId, TurnId
from gateway.domain.tools import ToolCall
from gateway.domain.turns import Turn, TurnRef
from tests.fakes.virtual_time import EPOCH
from toolbox.executor import Executor
from toolbox.registry import Registry, tool_from

TURN = Turn(
    TurnRef(TurnId("turn-1"), LaneId("p/postern"), 1),
    PersonId("p"),
    "postern",
    Conversation("fake", "w1", "c1"),
    (),
    1,
    EPOCH,
)


async def add(first: int, second: int = 1) -> str:
    """Add two numbers."""
    return str(first + second)


async def hang() -> str:
    """Never come back."""
    await asyncio.Event().wait()
    return "unreachable"


async def rest() -> str:
    """Come back when it is too late."""
    await asyncio.Event().wait()
    return "unreachable"


async def shout() -> str:
    """Say far too much."""
    return "x" * 40_000


async def flood() -> str:
    """Say fifty megabytes."""
    return "x" * 50_000_000


async def stumble() -> str:
    """Fail."""
    raise RuntimeError("the disk is gone")


async def leave() -> str:
    """Stop the whole process."""
    sys.exit("I leave")


async def give_up() -> str:
    """Cancel what it is waiting for itself."""
    raise asyncio.CancelledError


class Unspeakable:
    def __str__(self) -> str:
        raise ValueError("no words")


async def mumble() -> str:
    """Return something that can not be said."""
    return cast("str", Unspeakable())  # what a package does that is not typed


EXECUTOR = Executor(
    Registry(
        [
            tool_from(add),
            tool_from(hang, timeout_seconds=0.01),
            tool_from(rest),
            tool_from(shout),
            tool_from(stumble),
            tool_from(flood),
            tool_from(leave),
            tool_from(give_up),
            tool_from(mumble),
        ]
    )
)


async def _call(name: str, arguments: str) -> tuple[str, bool]:
    result = await EXECUTOR.call(TURN, ToolCall("c1", name, arguments))
    return result.text, result.is_error


async def test_arguments_are_checked_and_defaults_filled_in() -> None:
    assert await _call("add", '{"first": 2}') == ("3", False)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ('{"first": "two"}', "first"),
        ("{}", "first"),
        ('{"first": 1, "third": 3}', "third"),
        ("not json", "Invalid JSON"),
        ("[1]", "object"),
    ],
)
async def test_wrong_arguments_are_told_to_the_agent(arguments: str, problem: str) -> None:
    text, is_error = await _call("add", arguments)

    assert is_error
    assert problem in text


async def test_an_unknown_tool_is_answered_with_the_nearest_name() -> None:
    assert await _call("ad", "{}") == ('There is no tool "ad". Did you mean "add"?', True)


async def test_a_tool_that_hangs_is_stopped() -> None:
    assert await _call("hang", "{}") == ("hang was stopped after 0.01 s.", True)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("stumble", "RuntimeError: the disk is gone"),
        ("leave", "SystemExit: I leave"),
        ("give_up", "it cancelled itself."),
        ("mumble", "ValueError: no words"),
    ],
)
async def test_a_tool_that_fails_tells_the_agent_why(name: str, why: str) -> None:
    assert await _call(name, "{}") == (f"{name} failed: {why}", True)


async def test_a_turn_that_is_stopped_stops_its_tools() -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(_call("rest", "{}"), 0.01)


@pytest.mark.parametrize(("name", "length"), [("shout", "40,000"), ("flood", "50,000,000")])
async def test_a_result_that_is_too_long_is_cut_and_says_so(name: str, length: str) -> None:
    text, is_error = await _call(name, "{}")

    assert not is_error
    assert len(text) < 21_000
    assert text.endswith(f"[cut: {length} characters in all]")


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match='two tools called "add"'):
        Registry([tool_from(add), tool_from(add)])


def test_the_model_reads_the_signature_and_the_docstring() -> None:
    spec = tool_from(add).spec

    assert spec.description == "Add two numbers."
    assert spec.parameters["required"] == ["first"]
