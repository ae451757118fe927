"""Reminders as a person asks for them, fitted to whatever tool is offered to set them. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from agents.embedded.records import Json

_SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_UNIT: Final = r"(\d+) (second|minute|hour|day|week)s?"
_REMIND: Final = re.compile(r"\bremind me\b(.*)", re.IGNORECASE | re.DOTALL)
_TEXTS: Final = ("prompt", "text", "message", "reminder", "what", "content")
_TOOL: Final = re.compile(r"remind|schedule|wake", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reminder:
    """What to be reminded of, and when: once at a moment, or again and again."""

    what: str
    at: datetime
    every_seconds: int | None = None


def find_reminder(text: str, now: datetime) -> Reminder | None:
    """`remind me to X in 5 minutes`, `… at 18:30`, `… every 2 hours`; None when it is none."""
    asked = _REMIND.search(text)
    if asked is None:
        return None
    rest = asked.group(1)
    for pattern in (rf"\bin {_UNIT}\b", rf"\bevery {_UNIT}\b"):
        match = re.search(pattern, rest, re.IGNORECASE)
        if match:
            seconds = int(match.group(1)) * _SECONDS[match.group(2).lower()]
            again = seconds if match.group(0).lower().startswith("every") else None
            return Reminder(_what(rest, match), now + timedelta(seconds=seconds), again)
    match = re.search(r"\bat (\d{1,2}):(\d{2})\b", rest)
    if match is None or int(match.group(1)) > 23 or int(match.group(2)) > 59:
        return None
    at = now.replace(hour=int(match.group(1)), minute=int(match.group(2)), second=0, microsecond=0)
    return Reminder(_what(rest, match), at if at > now else at + timedelta(days=1))


def _what(rest: str, when: re.Match[str]) -> str:
    text = (rest[: when.start()] + rest[when.end() :]).strip().strip(".!").strip()
    return re.sub(r"^(to|that|of|about)\s+", "", text) or "what you asked me to"


def reminder_arguments(name: str, schema: Json, reminder: Reminder) -> Json | None:
    """The arguments that set this reminder with this tool; None when it is not made for it."""
    properties: Json = schema.get("properties") or {}
    text = next((known for known in _TEXTS if known in properties), None)
    if text is None or not _TOOL.search(name):
        return None
    timing = _timing(properties, reminder)
    if timing is None:
        return None
    arguments = {text: f"Remind me: {reminder.what}", **timing}
    if "name" in properties:
        arguments["name"] = reminder.what[:40]
    missing = set(schema.get("required") or ()) - set(arguments)
    return None if missing else arguments


def _timing(properties: Json, reminder: Reminder) -> Json | None:
    if reminder.every_seconds is not None:
        given: Json = {"every_seconds": reminder.every_seconds, "every": _short(reminder)}
    else:
        given = {"at": reminder.at.isoformat(), "when": reminder.at.isoformat()}
    return next(({key: value} for key, value in given.items() if key in properties), None)


def _short(reminder: Reminder) -> str:
    seconds = reminder.every_seconds or 0
    for letter, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{letter}"
    return f"{seconds}s"
