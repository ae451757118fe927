"""Core memory as the model sees it, inside the system prompt. Pure."""

from collections.abc import Sequence
from datetime import datetime

from agents.embedded.records import Block

DEFAULT_SYSTEM = (
    "You are a personal agent with memory that lasts. Your memory blocks below are always in "
    "front of you; what is not in them, and has scrolled out of the conversation, you can look "
    "up with your search tools. When you learn something lasting about the person or about your "
    "task, write it into the fitting block with your memory tools, briefly and without being "
    "asked. Answer in plain, friendly Markdown, in the language of the person."
)


def render_system(instructions: str, blocks: Sequence[Block], now: datetime) -> str:
    """Instructions, then memory, then the date (the day only, so that prompts stay cached)."""
    parts = [instructions]
    if blocks:
        memory = "\n".join(_render_block(block) for block in blocks)
        parts.append(f"<memory_blocks>\n{memory}\n</memory_blocks>")
    parts.append(f"Today is {now:%A, %d %B %Y} (UTC).")
    return "\n\n".join(parts)


def _render_block(block: Block) -> str:
    about = f"\n<description>{block.description}</description>" if block.description else ""
    access = ' access="read-only"' if block.read_only else ""
    return (
        f'<{block.label} characters="{len(block.value)}" limit="{block.limit}"{access}>{about}\n'
        f"{block.value}\n</{block.label}>"
    )
