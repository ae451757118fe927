"""`/retry`: the last question is asked again, as a message of its own that says so."""

from __future__ import annotations

from dataclasses import replace

from gateway.domain.messages import InboundMessage, MessageKind
from gateway.ports import LastQuestion, Store

VERB = "retry"
LOOKED_THROUGH = 200
"""The last question is looked for among so many of a person's newest messages."""


async def asked_again(message: InboundMessage, store: Store) -> InboundMessage:
    """Return the question that a `/retry` repeats; any other message, or with none, as it is.

    It keeps the event, place and sender of the command, has the words and files of the
    question, and names it as its target: of one that was asked again before, the first.
    While the question is not answered the command stays one, which says so.
    """
    if message.kind is not MessageKind.COMMAND or message.text.split()[:1] != [VERB]:
        return message
    last = await last_question(message, store)
    if last is None or last.is_open:
        return message
    asked = last.message
    return replace(
        message,
        kind=MessageKind.TEXT,
        text=asked.text,
        attachments=asked.attachments,
        role=asked.role,
        target=asked.target if asked.is_again else asked.event_id,
    )


async def last_question(message: InboundMessage, store: Store) -> LastQuestion | None:
    """Return what the sender said last where the message was said.

    In a channel, what they asked in private counts only for who asks in private too.
    """
    person = await store.people.find_person(message.sender.identity)
    if person is None:
        return None
    place = message.conversation
    return await store.personal.last_question(
        person.id, place, LOOKED_THROUGH, with_private=place.is_direct or message.is_private
    )
