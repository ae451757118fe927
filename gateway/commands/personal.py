"""Commands about everything of one person: search it, forget it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from gateway.commands.command import ELSEWHERE, Asked, Command, Reach
from gateway.commands.owned import agents_of, all_that_they_were, exports_of, files_in, schedules_of
from gateway.domain.commands import CommandArgument, CommandSpec
from gateway.domain.ids import PersonId
from gateway.ports import Said

LOOKED_THROUGH = 2_000
"""A search looks through so many of a person's newest messages, and their answers."""
PAGE = 100
"""So many at a time, so that others go on meanwhile."""
MOST_SECONDS = 2.0
"""A search that took so long ends with what it found."""
MOST_FOUND = 10
_AROUND = 80
"""Characters shown on each side of what was found."""
NOTHING = "Nothing that you said or were answered has all of these words."
OLDER = "What is older was not looked through."
SURE = "everything"
WARNING = (
    "This deletes your agents with all that they remember, everything that you said here and were "
    "answered, your files, your schedules, and who you are to me. It can not be undone, and "
    f"messages on the platform itself stay. If you are sure, say `/forget {SURE}`."
)
BY_ITSELF = f"Nothing is forgotten: `/forget {SURE}` has to be said by itself. Say it again."
AT_WORK = "Your agent is at work. Wait for its answer, or `/cancel` it, and say it again."


async def _search(asked: Asked, reach: Reach) -> str:
    if not asked.is_private:
        return ELSEWHERE
    if not asked.arguments:
        return "Say what to look for: `/search WORDS`."
    found, is_all = await _find(asked, reach)
    more = "" if is_all else f"\n\n{OLDER}"
    if not found:
        return f"{NOTHING}{more}"
    word = asked.arguments.split()[0]
    return "\n".join(_line(each, word) for each in found[:MOST_FOUND]) + more


async def _find(asked: Asked, reach: Reach) -> tuple[list[Said], bool]:
    """Return what was found, newest first, and whether everything was looked through."""
    until = reach.clock.now() + timedelta(seconds=MOST_SECONDS)
    found: dict[int, Said] = {}
    before: int | None = None
    for _ in range(LOOKED_THROUGH // PAGE):
        said = await reach.store.personal.said(asked.person, PAGE, before)
        found |= {each.entry.cursor: each for each in matching(said, asked.arguments)}
        before = min((e.entry.cursor for e in said if e.entry.author == "user"), default=None)
        if before is None or len(found) > MOST_FOUND or reach.clock.now() > until:
            break
    ordered = [found[cursor] for cursor in sorted(found, reverse=True)]
    return ordered, before is None and len(found) <= MOST_FOUND


def matching(said: Sequence[Said], words: str) -> list[Said]:
    """Return what has all of the words, in any case and order. Pure."""
    wanted = words.casefold().split()
    return [each for each in said if all(word in each.entry.text.casefold() for word in wanted)]


def _line(said: Said, word: str) -> str:
    entry = said.entry
    who = "you" if entry.author == "user" else "your agent"
    return f"- {entry.at:%Y-%m-%d %H:%M} UTC, {who}: {excerpt(entry.text, word)}"


def excerpt(text: str, word: str) -> str:
    """Return what stands around the word, on one line. Pure."""
    flat = " ".join(text.split())
    at = max(flat.casefold().find(word.casefold()), 0)
    start, end = max(at - _AROUND, 0), at + len(word) + _AROUND
    return f"{'…' if start else ''}{flat[start:end]}{'…' if end < len(flat) else ''}"


async def _forget(asked: Asked, reach: Reach) -> str:
    if not asked.is_private:
        return ELSEWHERE
    if asked.arguments.casefold() != SURE:
        return WARNING
    if len(asked.turn.messages) > 1:
        return BY_ITSELF
    everyone = await all_that_they_were(asked.person, reach)
    if any([await reach.store.personal.is_at_work(person) for person in everyone]):
        return AT_WORK
    for schedule in await schedules_of(asked.person, reach):
        await reach.store.schedules.remove(schedule.id)
    kept, count = False, 0
    for person in everyone:
        kept |= await _delete_agents(person, reach)
        await _delete_files(person, reach)
        forgotten = await reach.store.personal.forget(person, reach.clock.now())
        if forgotten is None:
            return AT_WORK
        count += forgotten
        for role in reach.routes:
            reach.constellation.forget(person, role)
    note = " Your agents live on a server that keeps them; ask its operator." if kept else ""
    return f"Forgotten: {count} messages, and all that goes with them.{note}"


async def _delete_agents(person: PersonId, reach: Reach) -> bool:
    """Delete the person's agents; True when their server can not."""
    agents = (await agents_of(person, reach)).values()
    for agent in agents:
        await _delete_folder(agent, reach)
    if reach.memory is None:
        return bool(agents)
    for agent in agents:
        await reach.memory.delete(agent)
    return False


async def _delete_files(person: PersonId, reach: Reach) -> None:
    """Delete what the person sent, and what their agents saved under the person's name."""
    if reach.artifacts is None:
        return
    for key in await reach.store.personal.files(person):
        await reach.artifacts.delete(key)
    await _delete_folder(person, reach)
    await _delete_folder(exports_of(person), reach)


async def _delete_folder(owner: str, reach: Reach) -> None:
    """Delete all files of a person, or of an agent."""
    if reach.artifacts is None:
        return
    async for saved in files_in(owner, reach):
        await reach.artifacts.delete(saved.key)


FAMILY = (
    Command(
        CommandSpec(
            "search",
            "Search what you said and were answered",
            (CommandArgument("words", "What to look for", is_required=True),),
        ),
        _search,
    ),
    Command(
        CommandSpec(
            "forget",
            "Delete your agents, your history, and who you are",
            (CommandArgument("what", f"{SURE}, if you are sure"),),
        ),
        _forget,
        is_persistent=True,
    ),
)
