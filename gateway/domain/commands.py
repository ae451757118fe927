"""What people may ask of the gateway itself; one list for every platform."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CommandArgument:
    """One argument of a command."""

    name: str
    description: str
    is_required: bool = False
    choices: tuple[str, ...] = ()
    """What it can be, to be offered where a platform can; empty when it can be anything."""


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """A command as platforms show it to people."""

    name: str
    description: str
    """At most 100 characters: Discord's limit is the smallest."""
    arguments: tuple[CommandArgument, ...] = ()
    is_private: bool = True
    """Whether only the person who gave it sees the answer."""
    admin_only: bool = False
