"""Ids in Letta's format: `<kind>-<uuid4>`; and the offline threading ids made from them."""

import re
from random import getrandbits
from typing import Final
from uuid import UUID

from agents.embedded.errors import Malformed

_UUID4: Final = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_KINDS: Final = ("agent", "block", "conv", "message", "passage", "run", "step", "tool")
_PATTERNS: Final = {kind: re.compile(f"{kind}-{_UUID4}") for kind in _KINDS}


def new_id(kind: str) -> str:
    """A fresh id of this kind."""
    return f"{kind}-{new_uuid()}"


def new_uuid() -> UUID:
    """A version 4 uuid without a system call: ids name things here, they guard nothing."""
    return UUID(int=getrandbits(128), version=4)


def check_id(kind: str, value: str) -> str:
    """The id as it is; raises Malformed when it cannot be one of this kind."""
    if _PATTERNS[kind].fullmatch(value):
        return value
    raise Malformed(f'"{value}" is not an id of this kind. It should match {kind}-{{uuid4}}.')


def part_otid(message_id: str, index: int) -> str:
    """The threading id of one part of a message: its uuid with the last seven bits replaced.

    Letta 0.16.8 gives the parts of one message (reasoning, text, tool call) ids of this form.
    """
    number = UUID(message_id.split("-", 1)[1]).int
    return str(UUID(int=(number & ~0x7F) | (index & 0x7F)))
