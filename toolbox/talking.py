"""Tools by which an agent says more than its answer: suggestions, posts elsewhere, what was."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import (
    LONGEST_LABEL,
    LONGEST_SAYING,
    MOST_BUTTONS,
    Button,
    NewDelivery,
)
from gateway.domain.ids import DeliveryId
from gateway.domain.messages import HistoryEntry
from gateway.domain.people import Mode, mode_of
from gateway.domain.tools import Effect, ToolCall
from gateway.domain.turns import Turn
from gateway.errors import BadInput
from gateway.ports import Clock, Store
from toolbox.registry import Gift, Tool, tool_from

LONGEST_POST = 10_000
PAGE = 200
PAGES = 10
"""How far back a search looks: so many pages of the conversation."""


def talking_tools(
    store: Store, clock: Clock, may_post: Mapping[str, Collection[str]]
) -> list[Tool]:
    """Return the tools; `may_post` names, by role, where agents may post beside their own places.

    A person's own agent may also post to that person's direct conversations.
    """

    async def suggest_replies(replies: list[str]) -> Gift:
        """Show buttons under your answer with which the person can reply at once.

        Args:
            replies: 1 to 25 short replies, in the person's own words.
        """
        return Gift("The buttons go with your answer.", buttons=_buttons(replies))

    async def send_message(turn: Turn, call: ToolCall, conversation: str, text: str) -> str:
        """Post a message somewhere else than here.

        Args:
            conversation: Such as discord:dm:99 or slack:T1:C2.
            text: The message, in Markdown.
        """
        place = _place(conversation)
        if not await _may_post(store, turn, place, may_post.get(turn.role, ())):
            raise BadInput(f'You may not post to "{conversation}".')
        if not text.strip() or len(text) > LONGEST_POST:
            raise BadInput(f"A message has 1 to {LONGEST_POST:,} characters.")
        post = DeliveryId(f"{turn.ref.id}.post-{call.id}")
        await store.deliveries.enqueue([NewDelivery(post, place, text)], clock.now())
        return f"It is on its way to {place.id}."

    async def search_history(turn: Turn, words: str, limit: int = 20) -> str:
        """Find what was said in this conversation before.

        Args:
            words: All of them must appear in a message.
            limit: At most so many messages, the newest.
        """
        found = await _search(store, turn.conversation, words.casefold().split(), limit)
        return "\n".join(_line(entry) for entry in found) or "Nothing was found."

    return [
        tool_from(suggest_replies),
        # Its id is made from the call's, so that a repeat posts nothing.
        tool_from(send_message, effect=Effect.IDEMPOTENT),
        tool_from(search_history),
    ]


def _buttons(replies: list[str]) -> tuple[Button, ...]:
    said = [reply.strip() for reply in replies]
    if not 1 <= len(said) <= MOST_BUTTONS or not all(said):
        raise BadInput(f"Suggest 1 to {MOST_BUTTONS} replies, none of them empty.")
    if any(reply.startswith("/") for reply in said):
        raise BadInput("A reply can not be a command.")
    if any(len(reply) > LONGEST_SAYING for reply in said):
        raise BadInput(f"A reply has at most {LONGEST_SAYING} characters.")
    return tuple(Button(_label(reply), reply) for reply in dict.fromkeys(said))


def _label(reply: str) -> str:
    return reply if len(reply) <= LONGEST_LABEL else f"{reply[: LONGEST_LABEL - 1]}…"


def _place(conversation: str) -> Conversation:
    try:
        return Conversation.parse(conversation)
    except ValueError as error:
        raise BadInput(str(error)) from error


async def _may_post(
    store: Store, turn: Turn, place: Conversation, allowed: Collection[str]
) -> bool:
    if place == turn.conversation or place.id in allowed:
        return True
    if not place.is_direct or mode_of(turn.ref.lane) is not Mode.PERSON:
        return False
    sender = await store.people.last_sender(place.id)
    owner = await store.people.find_person(sender.identity) if sender else None
    return owner is not None and owner.id == turn.person


async def _search(
    store: Store, place: Conversation, words: list[str], limit: int
) -> list[HistoryEntry]:
    found: list[HistoryEntry] = []
    before: int | None = None
    for _ in range(PAGES):
        page = await store.history.history(place.id, before, PAGE)
        found = [e for e in page if all(w in e.text.casefold() for w in words)] + found
        if len(page) < PAGE or len(found) >= limit:
            break
        before = page[0].cursor
    return found[-limit:] if limit > 0 else []


def _line(entry: HistoryEntry) -> str:
    text = " ".join(entry.text.split())
    shown = text if len(text) <= 500 else f"{text[:500]}…"
    return f"[{entry.at:%Y-%m-%d %H:%M} UTC, {entry.author}] {shown}"
