"""What the broken parts are broken with."""

# pyright: reportPrivateUsage=false
# What is broken here is broken from inside.

from __future__ import annotations

from typing import Any, cast

from gateway.ports import Store
from storage.memory.tables import Tables
from storage.memory.turns import MemoryTurns


def tables_of(store: Store) -> Tables:
    """Return the rows of a store in memory, to break them from inside."""
    turns = store.turns
    assert isinstance(turns, MemoryTurns)
    return turns._tables


class Passing:
    """Passes on whatever it does not break itself."""

    def __init__(self, port: object) -> None:
        self.port = cast("Any", port)  # whatever the port has

    def __getattr__(self, name: str) -> Any:  # as above
        return getattr(self.port, name)
