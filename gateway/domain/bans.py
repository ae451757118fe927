"""Accounts that are turned away for a while or for good: what a ban is, and how long. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.domain.people import Identity

OPERATOR = "operator"
"""Who bans by a command line, where a ban says by whom."""

_LONGEST = timedelta(days=3_650)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class Ban:
    """One account is not heard."""

    identity: Identity
    since: datetime
    until: datetime | None
    """When it is over by itself; None for never."""
    by: str
    """The identity key of the admin who said so, or `operator`."""
    is_silent: bool = False
    """A mute: who is banned is not told so."""

    def holds(self, now: datetime) -> bool:
        """Whether it is not over yet."""
        return self.until is None or now < self.until

    def __str__(self) -> str:
        return "for good" if self.until is None else f"until {self.until:%Y-%m-%d %H:%M} UTC"


def read_length(text: str) -> timedelta | None:
    """Return how long `30m`, `2h`, `7d` or `1w` is; None for nothing, which is for good.

    Raises ValueError, with a sentence, for anything else.
    """
    if not text.strip():
        return None
    found = re.fullmatch(r"([1-9][0-9]{0,5})([mhdw])", text.strip().lower())
    length = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None
    if length is None or length > _LONGEST:
        raise ValueError(
            f'"{text.strip()[:40]}" is no length of time. It reads 30m, 2h, 7d or 1w, for ten '
            "years at most; left out, it is for good."
        )
    return length
