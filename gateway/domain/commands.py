"""What people may ask of the gateway itself; one list for every platform."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class CommandArgument:
    """One argument of a command."""

    name: str
    description: str
    is_required: bool = False
    choices: tuple[str, ...] = ()
    """What it can be, to be offered where a platform can; empty when it can be anything."""


class Tier(StrEnum):
    """Whom a command is for."""

    EVERYBODY = "everybody"
    RULER = "ruler"
    """Admins; in a direct conversation, whoever is in it."""
    APPROVER = "approver"
    """Who may say yes to an agent's tool call: everybody, where no approvers are named."""
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """A command as platforms show it to people."""

    name: str
    description: str
    """At most 100 characters: Discord's limit is the smallest."""
    arguments: tuple[CommandArgument, ...] = ()
    is_private: bool = True
    """Whether only the person who gave it sees the answer."""
    tier: Tier = Tier.EVERYBODY
