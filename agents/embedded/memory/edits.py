"""Edits of a memory block, each giving the new text or a sentence why not. Pure.

Letta 0.16.8 only shows a block's limit to the model; here it is enforced, with an error the
model can read and act on.
"""

from agents.embedded.records import Block


class EditRefused(Exception):
    """The edit cannot be made; the text says why, for the model or for the client."""


def inserted(block: Block, text: str, line: int = -1) -> str:
    """The block with the text after this line: 0 is the beginning, -1 the end."""
    if not block.value:
        return checked(block, text)
    lines = block.value.split("\n")
    if line < -1 or line > len(lines):
        raise EditRefused(
            f'Block "{block.label}" has {len(lines)} lines; "{line}" is not one of them.'
        )
    place = len(lines) if line == -1 else line
    return checked(block, "\n".join([*lines[:place], text, *lines[place:]]))


def replaced(block: Block, old: str, new: str) -> str:
    """The block with the one occurrence of `old` replaced."""
    found = block.value.count(old) if old else 0
    if found == 0:
        raise EditRefused(f'"{old}" is not in block "{block.label}". It must match exactly.')
    if found > 1:
        raise EditRefused(
            f'"{old}" is {found} times in block "{block.label}". Give more of the text around it.'
        )
    return checked(block, block.value.replace(old, new))


def checked(block: Block, value: str) -> str:
    """The new text, if the block may be written and has room for it."""
    if block.read_only:
        raise EditRefused(f'Block "{block.label}" is read-only.')
    return within_limit(block, value)


def within_limit(block: Block, value: str) -> str:
    """The text, if the block has room for it."""
    if len(value) > block.limit:
        raise EditRefused(
            f'Block "{block.label}" holds at most {block.limit} characters and the new text has '
            f"{len(value)}. Shorten it, or raise the limit."
        )
    return value
