"""Words for what travels on the wire: JSON objects, snowflakes and timestamps. No behaviour."""

from datetime import UTC, datetime
from typing import Any, cast

# Any: what a client sends is unknown until `forms` has checked it.
Json = dict[str, Any]

DISCORD_EPOCH_MS = 1_420_070_400_000
"""First millisecond of 2015; a snowflake's upper 42 bits count from it."""


def iso(moment: float) -> str:
    """Give a moment (epoch seconds) the way Discord writes it: ISO 8601 with offset."""
    return datetime.fromtimestamp(moment, UTC).isoformat()


def snowflake_for(moment: float) -> int:
    """Give the smallest snowflake of a moment (epoch seconds)."""
    return (int(moment * 1000) - DISCORD_EPOCH_MS) << 22


def listed(body: Json, name: str) -> list[Json]:
    """Give a list of objects out of a body that was checked; absent or null is empty."""
    return cast(list[Json], body.get(name) or [])


def inner(body: Json, name: str) -> Json:
    """Give an object out of a body that was checked; absent or null is empty."""
    return cast(Json, body.get(name) or {})


def as_object(value: object) -> Json | None:
    """Give parsed JSON as an object, or None when it is something else."""
    return cast(Json, value) if isinstance(value, dict) else None


class Snowflakes:
    """Hands out ids that rise with time and never repeat."""

    def __init__(self) -> None:
        self._last = 0

    def next_at(self, moment: float) -> int:
        self._last = max(self._last + 1, snowflake_for(moment))
        return self._last

    def next_on_shard(self, moment: float, shard: int, shard_count: int) -> int:
        """Mint a guild id that lands on `shard`: Discord's rule is (id >> 22) % shard_count."""
        self._last = max(self._last + 1, snowflake_for(moment))
        while (self._last >> 22) % shard_count != shard:
            self._last = ((self._last >> 22) + 1) << 22
        return self._last
