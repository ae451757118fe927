"""The page of commands names every command with every option, and no command that is not there."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from gateway.cli.app import app

PAGE = (Path(__file__).parents[4] / "docs" / "cli.md").read_text(encoding="utf-8")


def commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Go through the commands that do something, by the words that one types."""
    below = getattr(command, "commands", None)
    if below is None:
        yield " ".join(words), command
        return
    for name, each in below.items():
        yield from commands(each, (*words, name))


ROOT: Any = get_command(app)
ALL = dict(commands(ROOT, ("postern",)))
GROUPS = {name: each for name, each in ROOT.commands.items() if hasattr(each, "commands")}


def section(name: str) -> str:
    """Return what the page says under the heading of the command."""
    found = re.search(rf"^## `{re.escape(name)}[^`]*`\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)
    assert found is not None, f"docs/cli.md has no heading for `{name}`"
    return found[0]


@pytest.mark.parametrize("name", ALL)
def test_every_command_is_documented_with_its_options(name: str) -> None:
    text = section(name)

    for parameter in ALL[name].params:
        for spelled in parameter.opts:
            word = spelled if spelled.startswith("-") else spelled.upper()
            assert word in text, f"docs/cli.md does not say {word} under `{name}`"


def test_the_page_names_no_command_that_is_not_there() -> None:
    headings = re.findall(r"^## `(postern [a-z -]*[a-z])", PAGE, re.M)

    assert sorted(headings) == sorted(ALL)


@pytest.mark.parametrize("name", ALL)
def test_every_command_and_option_has_a_word_of_help(name: str) -> None:
    assert ALL[name].help
    assert all(parameter.help for parameter in ALL[name].params)


@pytest.mark.parametrize("name", ["postern", *GROUPS])
def test_a_list_of_commands_cuts_no_sentence_off(name: str) -> None:
    listed = {"postern": ROOT, **GROUPS}[name].commands
    room = 80 - 6 - max(map(len, listed))

    said = [each.get_short_help_str(room) for each in listed.values()]

    assert not [each for each in said if each.endswith("...")]
