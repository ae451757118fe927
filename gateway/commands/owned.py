"""What is one person's: who they were before, their agents, schedules and files."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from gateway.commands.command import Reach
from gateway.domain.artifacts import Artifact
from gateway.domain.ids import AgentId, PersonId
from gateway.domain.people import person_id_of
from gateway.domain.schedules import Schedule

_PAGE = 100


async def all_that_they_were(person: PersonId, reach: Reach) -> list[PersonId]:
    """Return the person, after those that their linked accounts were before, whose agents rest.

    In this order: as long as the person is known, a repeat finds the others too.
    """
    accounts = await reach.store.people.identities(person)
    before = {person_id_of(account) for account in accounts} - {person}
    return [*sorted(before), person]


async def agents_of(person: PersonId, reach: Reach) -> dict[str, AgentId]:
    """Return the agents that are the person's own, by role."""
    former = await reach.store.people.bindings(person)
    roles = {*reach.routes, *(bound.role for bound in former if not bound.role.startswith("#"))}
    found = {role: await reach.constellation.agent_of(person, role) for role in sorted(roles)}
    return {role: agent for role, agent in found.items() if agent is not None}


async def schedules_of(person: PersonId, reach: Reach) -> list[Schedule]:
    """Return the schedules that wake agents in the name of one of the person's accounts."""
    mine, found, last = set(await reach.store.people.identities(person)), list[Schedule](), ""
    while page := await reach.store.schedules.page(last, _PAGE):
        last = page[-1].id
        owners = [each.wakeup.owner if each.wakeup else None for each in page]
        found += [
            each
            for each, owner in zip(page, owners, strict=True)
            if owner and owner.identity in mine
        ]
    return found


def exports_of(person: PersonId) -> str:
    """Return where a person's exports are kept: their agents reach what is under their own name."""
    return f"export-{person}"


async def files_in(owner: str, reach: Reach) -> AsyncGenerator[Artifact]:
    """Yield all files of a person, or of an agent; they may be deleted meanwhile."""
    if reach.artifacts is None:
        return
    last: str | None = None
    while page := await reach.artifacts.list(owner, last):
        last = page[-1].key
        for saved in page:
            yield saved
