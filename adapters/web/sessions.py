"""Who is at the web door: the secret in a browser's cookie, and the user it makes. Pure."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass

from gateway.domain.conversations import Conversation
from gateway.domain.people import Identity, Sender

COOKIE = "postern_session"
COOKIE_SECONDS = 365 * 24 * 3600

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Visitor:
    """One user of the web door: a browser, or whom the admin token speaks for."""

    user: str
    name: str
    """Empty for a browser: nobody has told."""
    account: Identity | None = None
    """The account of another platform that a token speaks for."""

    @property
    def sender(self) -> Sender:
        """The visitor as the hub knows people."""
        return Sender(self.account or Identity("web", "local", self.user), self.name)

    def conversation(self, role: str, thread: str | None = None) -> Conversation:
        """Where this visitor and the agent of this role talk: `web:<role>:<user>`."""
        return Conversation("web", role, self.user, thread)


def new_token() -> str:
    """Draw the 256-bit secret that a browser keeps in its cookie."""
    return secrets.token_urlsafe(32)


def visitor_of(token: str | None) -> Visitor | None:
    """Return whose cookie this is; None for anything that was not drawn here.

    The user is a hash of the secret, so that ids in the database and in
    backups never let anyone speak for the browser.
    """
    if token is None or not _TOKEN.fullmatch(token):
        return None
    user = hashlib.sha256(token.encode()).hexdigest()[:32]
    return Visitor(user, name="")
