"""What a function becomes when it becomes a tool."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import EntryPoint

import pytest

from gateway.domain.tools import Effect, ToolCall, is_named
from gateway.errors import SettingsWrong
from toolbox.registry import Approval, Registry, third_party_tools, tool_from


async def pay(to: str, euros: int = 1) -> str:
    """Pay somebody.

    It can not be undone.

    Args:
        to: Who gets it,
            by name.
        euros (int): How much.

    Returns:
        What the bank said.
    """
    return f"{euros} to {to}"


async def rest() -> str:
    """Rest."""
    return "rested"


def test_the_docstring_describes_the_tool_and_each_argument() -> None:
    spec = tool_from(pay).spec

    assert spec.description == "Pay somebody.\n\nIt can not be undone."
    assert spec.parameters["properties"] == {
        "to": {"description": "Who gets it, by name.", "title": "To", "type": "string"},
        "euros": {"default": 1, "description": "How much.", "title": "Euros", "type": "integer"},
    }


def test_the_version_changes_with_what_the_model_reads() -> None:
    async def other(to: str, euros: int = 2) -> str:
        return f"{euros} to {to}"

    other.__name__, other.__doc__ = pay.__name__, pay.__doc__

    assert tool_from(pay).spec.version == tool_from(pay, effect=Effect.EXTERNAL).spec.version
    assert tool_from(pay).spec.version != tool_from(other).spec.version


@pytest.mark.parametrize(
    ("arguments", "needs"),
    [
        ('{"to": "Bob", "euros": 99}', False),
        ('{"to": "Bob", "euros": 101}', True),
        ('{"to": "the judge fails", "euros": 1}', True),
        ("not json", False),
    ],
)
def test_a_predicate_judges_each_call_by_its_arguments(arguments: str, needs: bool) -> None:
    def is_much(to: str, euros: int) -> bool:
        if "fails" in to:
            raise RuntimeError("no idea")
        return euros > 100

    spec = tool_from(pay, approval=is_much).spec

    assert spec.needs_approval(ToolCall("c1", "pay", arguments)) is needs


def test_a_tool_may_always_need_a_yes_and_by_itself_needs_none() -> None:
    call = ToolCall("c1", "rest", "{}")

    assert tool_from(rest, approval=Approval.ALWAYS).spec.needs_approval(call)
    assert not tool_from(rest).spec.needs_approval(call)


def test_other_packages_bring_tools_by_entry_point() -> None:
    point = EntryPoint("rest", f"{__name__}:rest", "postern.tools")

    assert [tool.spec.name for tool in third_party_tools([point])] == ["rest"]


@pytest.mark.parametrize("value", ["nowhere.at.all:tool", f"{__name__}:SettingsWrong"])
def test_an_entry_point_that_is_no_tool_is_named_to_the_operator(value: str) -> None:
    with pytest.raises(SettingsWrong, match='entry point "broken"'):
        third_party_tools([EntryPoint("broken", value, "postern.tools")])


def test_two_packages_can_not_bring_tools_of_one_name() -> None:
    point = EntryPoint("rest", f"{__name__}:rest", "postern.tools")

    with pytest.raises(ValueError, match='two tools called "rest"'):
        Registry(third_party_tools([point, point]))


def test_lent_tools_come_and_go_and_take_no_name_that_is_taken() -> None:
    async def ours() -> str:
        """Be here first."""
        return "ours"

    async def theirs() -> str:
        """Come later."""
        return "theirs"

    first, second = tool_from(ours), tool_from(theirs)
    registry = Registry([first])
    intruder = replace(second, spec=replace(second.spec, name="ours"))

    registry.lend("elsewhere", [second, intruder])

    assert registry.names() == ["ours", "theirs"]
    assert registry.get("ours") is first
    registry.lend("elsewhere", [])
    assert registry.names() == ["ours"]


@pytest.mark.parametrize(
    ("patterns", "is_meant"),
    [
        (["mcp_wiki_find"], True),
        (["mcp_wiki_*"], True),
        (["*"], True),
        (["mcp_wiki"], False),
        (["mcp_wiki_f"], False),
        (["mcp_*_find"], False),
        ([], False),
    ],
)
def test_a_tool_is_named_by_its_name_or_its_beginning(
    patterns: list[str], *, is_meant: bool
) -> None:
    assert is_named("mcp_wiki_find", patterns) is is_meant
