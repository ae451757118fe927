"""Takes secrets out of texts: those we were told of, and whatever has the shape of one."""

from __future__ import annotations

import re
from collections.abc import Iterable

HIDDEN = "[hidden]"

_SHORTEST_SECRET = 6
"""Characters. A shorter one would take ordinary words out of the log."""

_WHOLE = re.compile(
    "|".join(
        (
            # Slack: bot, user, app-level, refresh and configuration tokens.
            r"\bxox[a-z](?:\.xox[a-z])?-[\w-]{8,}",
            r"\bxapp-[\w-]{8,}",
            r"(?<=hooks\.slack\.com/)(?:services|workflows|triggers)/[\w/-]+",
            # Discord: the bot's id, a time and an HMAC in base64, joined by dots.
            r"\b[MNO][\w-]{22,27}\.[\w-]{6,7}\.[\w-]{27,}",
            # API keys of Letta, OpenAI and their like, Modal, AWS, Google, GitHub, Hugging Face.
            r"\bsk-[\w-]{12,}",
            r"\ba[ks]-[A-Za-z0-9]{16,}\b",
            r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
            r"\bAIza[\w-]{30,}",
            r"\bgh[pousr]_\w{20,}",
            r"\bgithub_pat_\w{20,}",
            r"\bhf_\w{20,}",
            # A JSON Web Token, a private key in PEM, the user and password of a URL.
            r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*",
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
            r"(?<=://)[^\s/:@\"']*:[^\s/\"']+(?=@)",
        )
    )
)
"""Texts that are secrets by their looks alone."""

_AFTER_A_SIGN = (
    # Authorization headers; a digit or a sign in it tells a token from the next word.
    re.compile(r"\b((?:bearer|bot|basic) +)(?=[a-z]*[\d.~+/=_-])[\w.~+/=-]{16,}", re.IGNORECASE),
    # Discord puts the token of an interaction or a webhook into the path.
    re.compile(r"(/(?:webhooks|interactions)/\d+/)[\w-]{16,}"),
    # `token=…`, `"api_key": "…"`, `client_secret: …`, the ticket in a URL of Slack's sockets.
    re.compile(
        r"((?:api[_-]?key|token|ticket|secret|password|passwd)[\"']?\s*[=:]\s*[\"']?)"
        r"(?!\[hidden\])(?!(?:bearer|bot|basic)\b)[^\s\"'&,;)}\]]{6,}",
        re.IGNORECASE,
    ),
)
"""Texts that are secrets by what stands before them, which stays."""


class Redactor:
    """Replaces secrets by "[hidden]". Made once, with the secrets of the settings."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({s for s in secrets if len(s) >= _SHORTEST_SECRET}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def redact(self, text: str) -> str:
        """Return the text without anything that is a secret or looks like one."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        text = _WHOLE.sub(HIDDEN, text)
        for after_a_sign in _AFTER_A_SIGN:
            text = after_a_sign.sub(rf"\1{HIDDEN}", text)
        return text
