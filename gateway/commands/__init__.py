"""What people ask of the gateway itself. One file holds one family of commands."""

from gateway.commands.command import Asked, Command, Reach, Told
from gateway.commands.registry import COMMANDS, SPECS, Commands, as_typed

__all__ = [
    "COMMANDS",
    "SPECS",
    "Asked",
    "Command",
    "Commands",
    "Reach",
    "Told",
    "as_typed",
]
