"""Commands about everything of one person: search it, forget it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from gateway.commands.command import ELSEWHERE, Asked, Command, Reach
from gateway.domain.commands import CommandArgument, CommandSpec
from gateway.domain.ids import PersonId
from gateway.domain.people import person_id_of
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
    everyone = await _all_that_they_were(asked.person, reach)
    if any([await reach.store.personal.is_at_work(person) for person in everyone]):
        return AT_WORK
    await _remove_schedules(asked, reach)
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


async def _all_that_they_were(person: PersonId, reach: Reach) -> list[PersonId]:
    """Return the person, after those that their linked accounts were before, whose agents rest.

    In this order: as long as the person is known, a repeat finds the others too.
    """
    accounts = await reach.store.people.identities(person)
    before = {person_id_of(account) for account in accounts} - {person}
    return [*sorted(before), person]


async def _delete_agents(person: PersonId, reach: Reach) -> bool:
    """Delete the person's agents; True when their server can not."""
    former = [bound for bound in await reach.store.people.bindings() if bound.person == person]
    roles = {*reach.routes, *(bound.role for bound in former if not bound.role.startswith("#"))}
    found = [await reach.constellation.agent_of(person, role) for role in sorted(roles)]
    agents = [agent for agent in found if agent is not None]
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


async def _delete_folder(owner: str, reach: Reach) -> None:
    """Delete all files of a person, or of an agent."""
    if reach.artifacts is None:
        return
    last: str | None = None
    while page := await reach.artifacts.list(owner, last):
        last = page[-1].key
        for saved in page:
            await reach.artifacts.delete(saved.key)


async def _remove_schedules(asked: Asked, reach: Reach) -> None:
    mine = set(await reach.store.people.identities(asked.person))
    schedules, last = reach.store.schedules, ""
    while page := await schedules.page(last, 100):
        last = page[-1].id
        for schedule in page:
            owner = schedule.wakeup.owner if schedule.wakeup else None
            if owner is not None and owner.identity in mine:
                await schedules.remove(schedule.id)


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
    ),
)
