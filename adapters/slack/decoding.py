"""Slack's encoding of what people wrote → what they wrote. Pure.

Source: docs.slack.dev/messaging/formatting-message-text ("Retrieving messages").
"""

from __future__ import annotations

import re

_TOKEN = re.compile(r"<([^<>\n]+)>")


def decode(text: str, app_user: str | None) -> str:
    """Return the text as its author saw it, without the mention of the app at its beginning."""
    if app_user is not None and mentions(text, app_user):
        text = re.sub(rf"^\s*<@{re.escape(app_user)}(\|[^>]*)?>[\s:,]*", "", text)
    shown = _TOKEN.sub(_shown, text) if "<" in text else text
    return shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def mentions(text: str, user: str | None) -> bool:
    """Whether the text calls this user."""
    return user is not None and (f"<@{user}>" in text or f"<@{user}|" in text)


def _shown(token: re.Match[str]) -> str:
    target, _, label = token[1].partition("|")
    match target[0]:
        case "@":
            return f"@{label or target[1:]}"
        case "#":
            return f"#{label or target[1:]}"
        case "!":
            return label or f"@{target[1:].partition('^')[0]}"
        case _:
            return _link(target, label)


def _link(url: str, label: str) -> str:
    address = url.removeprefix("mailto:")
    if not label or label == address:
        return address
    if url.partition("://")[2].rstrip("/") == label.rstrip("/"):
        return address
    return f"{label} ({address})"
