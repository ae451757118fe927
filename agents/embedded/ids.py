"""Ids in Letta's format: `<kind>-<uuid4>`; and the offline threading ids made from them."""

from random import getrandbits
from uuid import UUID


def new_id(kind: str) -> str:
    """A fresh id of this kind."""
    return f"{kind}-{new_uuid()}"


def new_uuid() -> UUID:
    """A version 4 uuid without a system call: ids name things here, they guard nothing."""
    return UUID(int=getrandbits(128), version=4)


def part_otid(message_id: str, index: int) -> str:
    """The threading id of one part of a message: its uuid with the last seven bits replaced.

    Letta 0.16.8 gives the parts of one message (reasoning, text, tool call) ids of this form.
    """
    number = UUID(message_id.split("-", 1)[1]).int
    return str(UUID(int=(number & ~0x7F) | (index & 0x7F)))
