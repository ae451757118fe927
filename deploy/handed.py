"""A platform's request on its way from the ingress to the worker. Light: no vendor loads here."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime

SLACK = "/slack/events"
DISCORD = "/discord/interactions"


@dataclass(frozen=True, slots=True)
class Handed:
    """A request whose signature was verified on the raw body."""

    path: str
    headers: tuple[tuple[str, str], ...]
    """Those that the door reads: the signature's and the content type; names in lower case."""
    body: bytes


def slack_signature(secret: str, stamp: str, body: bytes) -> str:
    """Return Slack's signature ("Verifying requests from Slack", its reference)."""
    signed = b"v0:" + stamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def freshly_signed(handed: Handed, slack_secret: str | None, now: datetime) -> Handed:
    """Return what the worker's door takes, however long a Slack request has waited.

    The ingress has verified it in time. Discord's signatures can not be renewed:
    what waited for more than its door's window is refused, as its token nearly is over.
    """
    if handed.path != SLACK or slack_secret is None:
        return handed
    stamp = str(int(now.timestamp()))
    ours = {
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": slack_signature(slack_secret, stamp, handed.body),
    }
    kept = tuple(each for each in handed.headers if each[0] not in ours)
    return Handed(handed.path, (*kept, *ours.items()), handed.body)
