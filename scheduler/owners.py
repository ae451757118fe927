"""Whose agent a schedule wakes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from gateway.domain.conversations import Conversation
from gateway.domain.people import Identity, Route, Sender
from gateway.domain.routing import Routing
from gateway.domain.schedules import Wakeup
from gateway.ports import PeopleStore

Admits = Callable[[Identity, str], Awaitable[bool]]
"""Whether an identity may talk on a platform."""


async def admitted_owner(wakeup: Wakeup, people: PeopleStore, admits: Admits) -> Sender | None:
    """Return in whose name it wakes now; None when that person may not talk any more.

    A place in which nobody has written is nobody: the operator chose it.
    """
    known = wakeup.owner or await people.last_sender(wakeup.conversation.id)
    if known is None:
        return _place_itself(wakeup.conversation)
    is_admitted = await admits(known.identity, wakeup.conversation.platform)
    return known if is_admitted else None


async def allowed_owner(
    wakeup: Wakeup, people: PeopleStore, admits: Admits, routing: Routing
) -> Sender | None:
    """Return in whose name it wakes now; None also when its agent is not for that person."""
    owner = await admitted_owner(wakeup, people, admits)
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
        decided = routing.decide(place, owner.identity, wakeup.role)
    except KeyError:
        return None
    return decided.route if decided.is_allowed else None


def _place_itself(conversation: Conversation) -> Sender:
    """Let a conversation in which nobody has written have an agent of its own."""
    identity = Identity(conversation.platform, conversation.workspace, conversation.channel)
    return Sender(identity, conversation.channel)
