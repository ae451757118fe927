"""The tool by which an agent makes itself come back. What is allowed is decided elsewhere."""

from __future__ import annotations

from typing import Protocol

from gateway.domain.tools import Effect
from gateway.domain.turns import Turn
from toolbox.registry import Tool, tool_from


class Reminders(Protocol):
    """Whoever keeps reminders."""

    async def remind(self, turn: Turn, when: str, text: str) -> str:
        """Keep a reminder for the conversation of the turn; returns when it will come.

        The same one in the same turn is kept once. Raises BadInput, with a
        sentence that the agent can act on, when it is not taken.
        """
        ...

    async def waiting(self, turn: Turn) -> str:
        """Say which reminders wait in the conversation of the turn, each with its id."""
        ...

    async def cancel(self, turn: Turn, reminder: str) -> str:
        """Drop a reminder of the conversation. Raises BadInput when there is none."""
        ...


def reminder_tools(reminders: Reminders) -> list[Tool]:
    """Return the tools that set reminders."""

    async def schedule_reminder(turn: Turn, when: str, text: str) -> str:
        """Wake yourself later in this conversation, once or again and again.

        Args:
            when: Such as "in 20 minutes", "tomorrow at 9", "every weekday 8:30", or a moment
                in ISO 8601. A time of day without an offset is in the person's time zone.
            text: What you should do or say then, with all that you will need to know.
        """
        return await reminders.remind(turn, when, text)

    async def list_reminders(turn: Turn) -> str:
        """List the reminders that wait in this conversation."""
        return await reminders.waiting(turn)

    async def cancel_reminder(turn: Turn, reminder: str) -> str:
        """Drop a reminder.

        Args:
            reminder: Its id, as list_reminders shows it.
        """
        return await reminders.cancel(turn, reminder)

    return [
        tool_from(schedule_reminder, effect=Effect.IDEMPOTENT),
        tool_from(list_reminders),
        tool_from(cancel_reminder, effect=Effect.IDEMPOTENT),
    ]
