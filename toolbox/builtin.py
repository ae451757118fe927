"""Tools that every agent has."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.ports import Clock
from toolbox.registry import Tool, tool_from


def builtin_tools(clock: Clock) -> list[Tool]:
    """Return the tools that need nothing but the clock."""

    async def current_time(zone: str = "UTC") -> str:
        """Tell the date and the time of day, in an IANA time zone such as Europe/Paris."""
        try:
            moment = clock.now().astimezone(ZoneInfo(zone))
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f'"{zone}" is not an IANA time zone') from None
        return moment.strftime("%A, %d %B %Y, %H:%M:%S %Z")

    return [tool_from(current_time)]
