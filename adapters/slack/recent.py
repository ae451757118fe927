"""A bounded memory of what can be had again, or done without."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """Keeps the newest `limit` entries and forgets the oldest."""

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._entries: OrderedDict[Key, Value] = OrderedDict()

    def put(self, key: Key, value: Value) -> None:
        """Remember the value as the newest."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._limit:
            self._entries.popitem(last=False)

    def get(self, key: Key) -> Value | None:
        """Return what is remembered."""
        return self._entries.get(key)

    def pop(self, key: Key) -> Value | None:
        """Forget it, and return what it was."""
        return self._entries.pop(key, None)

    def values(self) -> list[Value]:
        """Return all that is remembered, oldest first."""
        return list(self._entries.values())
