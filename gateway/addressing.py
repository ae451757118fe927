"""Whom a message is for, as its writer says at its beginning: `@name …` or `name: …`. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

EVERYBODY = "all"
"""`@all` means every agent that the writer has; no agent can have this name."""
_AT = re.compile(r"\s*(?P<escape>\\)?@(?P<name>[a-z0-9_-]+)(?=[\s,:]|$)[,:]?\s*")
_COLON = re.compile(r"\s*(?P<escape>\\)?(?P<name>[a-z0-9_-]+):(?=\s)\s*")


@dataclass(frozen=True, slots=True)
class Addressed:
    """Whom the words are for, and the words themselves."""

    name: str | None
    """The agent's; EVERYBODY for all of them, None where nobody is named."""
    text: str


def addressed(text: str, names: Collection[str]) -> Addressed:
    """Take the address off a message that begins with one.

    Only exact names count; what names nobody here stays text, and so does a name with
    nothing behind it. A backslash before an address makes it text: `\\@writer …`.
    Code begins with a backtick, so no address is ever found in it.
    """
    at, colon = _AT.match(text), _COLON.match(text)
    found = at or colon
    known = {*names, EVERYBODY} if at else set(names)
    if found is None or found["name"] not in known:
        return Addressed(None, text)
    if found["escape"]:
        return Addressed(None, text.replace("\\", "", 1))
    rest = text[found.end() :]
    return Addressed(found["name"], rest) if rest.strip() else Addressed(None, text)
