"""The command to look through what an agent keeps to be looked up, and to add to it."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.commands.command import Asked, Command, Reach, first_word
from gateway.commands.remembering import NO_MEMORY, own_agent
from gateway.domain.commands import CommandArgument, CommandSpec
from gateway.domain.memory import Passage

MOST_SHOWN = 10
LONGEST = 4_000
"""Characters of an entry that a person adds."""
_SHOWN = 300
"""Characters of each entry in a list."""
EMPTY = "Your agent has put nothing away yet. `/archival add TEXT` lets it keep something."
NOTHING = "Nothing that your agent has put away belongs to these words."
ADDED = "Your agent finds it now when it looks for it."
KNOWN = "Your agent has just this put away already."
TOO_LONG = f"An entry has {LONGEST:,} characters at most. Nothing was added."
WHAT = "Say what to add: `/archival add TEXT`."


async def _archival(asked: Asked, reach: Reach) -> str:
    agent, why_not = await own_agent(asked, reach)
    if agent is None:
        return why_not
    if reach.archive is None:
        return NO_MEMORY
    verb, text = first_word(asked.arguments)
    if verb.lower() == "add":
        if not text or len(text) > LONGEST:
            return TOO_LONG if text else WHAT
        return ADDED if await reach.archive.add(agent, text) else KNOWN
    if not verb:
        return _listed(await reach.archive.newest(agent, MOST_SHOWN)) or EMPTY
    return _listed(await reach.archive.search(agent, asked.arguments, MOST_SHOWN)) or NOTHING


def _listed(found: Sequence[Passage]) -> str:
    return "\n".join(f"- {_moment(passage)}{_excerpt(passage.text)}" for passage in found)


def _moment(passage: Passage) -> str:
    return "" if passage.at is None else f"{passage.at:%Y-%m-%d}: "


def _excerpt(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN else f"{flat[:_SHOWN]}…"


FAMILY = (
    Command(
        CommandSpec(
            "archival",
            "What your agent has put away to look up; search it, add to it",
            (CommandArgument("what", "WORDS to look for, or add TEXT; the newest without"),),
        ),
        _archival,
    ),
)
