"""How the very event that a message came with is answered: a response_url, and for whom."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Handle:
    """Kept in the store beside the message, so that a restart can still answer it."""

    url: str
    user: str
    """Who gave the command; private answers are for them."""
    expires_at: datetime

    def to_text(self) -> str:
        """Write it as the store keeps it."""
        return json.dumps([self.url, self.user, self.expires_at.isoformat()])

    @classmethod
    def from_text(cls, text: str) -> Handle:
        """Read what `to_text` wrote."""
        url, user, expires_at = json.loads(text)
        return cls(url, user, datetime.fromisoformat(expires_at))
