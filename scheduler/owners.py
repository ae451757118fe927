"""Whose agent a schedule wakes."""

from __future__ import annotations

from gateway.domain.conversations import Conversation
from gateway.domain.people import Identity, Sender
from gateway.domain.schedules import Wakeup
from gateway.ports import PeopleStore


async def owner_of(wakeup: Wakeup, people: PeopleStore) -> Sender:
    """Return the owner: the one that is set, who wrote last there, or else the place itself."""
    if wakeup.owner is not None:
        return wakeup.owner
    conversation = wakeup.conversation
    return await people.last_sender(conversation.id) or _place_itself(conversation)


def _place_itself(conversation: Conversation) -> Sender:
    """Let a conversation in which nobody has written have an agent of its own."""
    identity = Identity(conversation.platform, conversation.workspace, conversation.channel)
    return Sender(identity, conversation.channel)
