"""Whose agent a schedule wakes."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from gateway.domain.conversations import Conversation
from gateway.domain.people import Identity, Route, Sender
from gateway.domain.routing import Routing
from gateway.domain.schedules import Wakeup
from gateway.ports import PeopleStore


class Rights(Protocol):
    """Who may do what. Both raise StoreUnavailable."""

    async def admits(
        self, identity: Identity, door: str, place: Conversation | None = None
    ) -> bool:
        """Whether an account may talk on a platform, in this place if there is one."""
        ...

    async def circles_of(self, identity: Identity) -> frozenset[str]:
        """Return the circles that an account is in; none while nobody can tell."""
        ...


class EverybodysRights:
    """Lets everybody do everything that needs no circle."""

    async def admits(
        self, identity: Identity, door: str, place: Conversation | None = None
    ) -> bool:
        """Admit everybody."""
        return True

    async def circles_of(self, identity: Identity) -> frozenset[str]:
        """Know of no circles."""
        return frozenset()


async def admitted_owner(wakeup: Wakeup, people: PeopleStore, rights: Rights) -> Sender | None:
    """Return in whose name it wakes now; None when that person may not talk any more.

    A place in which nobody has written is nobody: the operator chose it.
    """
    known = wakeup.owner or await people.last_sender(wakeup.conversation.id)
    if known is None:
        return _place_itself(wakeup.conversation)
    place = wakeup.conversation
    if not await rights.admits(known.identity, place.platform, place):
        return None
    return replace(known, circles=await rights.circles_of(known.identity))


async def allowed_owner(
    wakeup: Wakeup, people: PeopleStore, rights: Rights, routing: Routing
) -> Sender | None:
    """Return in whose name it wakes now; None also when its agent is not for that person."""
    owner = await admitted_owner(wakeup, people, rights)
    if owner is None or route_of(routing, replace(wakeup, owner=owner)) is None:
        return None
    return owner


async def owner_of(wakeup: Wakeup, people: PeopleStore) -> Sender:
    """Return the owner: the one that is set, who wrote last there, or else the place itself."""
    if wakeup.owner is not None:
        return wakeup.owner
    conversation = wakeup.conversation
    return await people.last_sender(conversation.id) or _place_itself(conversation)


def route_of(routing: Routing, wakeup: Wakeup) -> Route | None:
    """Return the way to the agent that it wakes; None where that is gone, or not for its owner."""
    place = wakeup.conversation
    owner = wakeup.owner or _place_itself(place)
    try:
        decided = routing.decide(place, owner.identity, wakeup.role, owner.circles or ())
    except KeyError:
        return None
    return decided.route if decided.is_allowed else None


def _place_itself(conversation: Conversation) -> Sender:
    """Let a conversation in which nobody has written have an agent of its own."""
    identity = Identity(conversation.platform, conversation.workspace, conversation.channel)
    return Sender(identity, conversation.channel)
