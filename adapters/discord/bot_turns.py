"""Breaks loops of bots that answer each other."""

from __future__ import annotations

from collections import OrderedDict

_CHANNELS = 10_000


class BotTurns:
    """Counts messages of bots in a row; a person's message starts anew."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._in_a_row: OrderedDict[str, int] = OrderedDict()

    def person_wrote(self, channel: str) -> None:
        """Note that a person wrote."""
        self._in_a_row.pop(channel, None)

    def bot_may(self, channel: str) -> bool:
        """Count a bot's message; False when there were too many since a person wrote."""
        count = self._in_a_row.pop(channel, 0) + 1
        self._in_a_row[channel] = count
        if len(self._in_a_row) > _CHANNELS:
            self._in_a_row.popitem(last=False)
        return count <= self._limit
