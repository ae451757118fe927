"""What Discord says → InboundMessage. Pure: decides who is spoken to, and what was said."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.discord.options import BotPolicy, ReactionPolicy
from adapters.discord.payloads import (
    DM_TYPES,
    THREAD_TYPES,
    Channel,
    File,
    Member,
    Message,
    Reaction,
    User,
)
from adapters.discord.quotes import note_of_files, reply_note
from adapters.discord.roles import circle_keys
from gateway.domain.conversations import Conversation
from gateway.domain.messages import InboundMessage, MessageKind
from gateway.domain.people import Identity, Sender

PLATFORM = "discord"
DIRECT = "dm"
"""The workspace of the bot's direct messages."""
AMONG_OTHERS = "private"
"""The workspace of people's own private channels, where an app of one of them can be called."""

_DEFAULT, _REPLY = 0, 19
_SAID_BY_PEOPLE = (_DEFAULT, _REPLY)
"""Message types; the others are Discord's own notices of joins, pins, threads and the like."""


@dataclass(frozen=True, slots=True)
class Ears:
    """Who we are, and whom we hear."""

    user_id: str
    bots: BotPolicy = BotPolicy.NONE
    reactions: ReactionPolicy = ReactionPolicy.OFF


@dataclass(frozen=True, slots=True)
class Place:
    """Where something happened."""

    conversation: Conversation
    is_followed: bool = False
    """The bot takes part in the thread, or hears all of the channel: nobody has to mention it."""

    @property
    def is_direct(self) -> bool:
        """Whether it is in no guild."""
        return self.conversation.workspace == DIRECT

    @property
    def is_open(self) -> bool:
        """Whether everything said here is said to the bot."""
        return self.is_direct or self.is_followed


def place_of(channel: Channel, guild_id: str | None) -> Conversation:
    """Return the conversation that a channel or thread is."""
    if guild_id is None or channel.type in DM_TYPES:
        return Conversation(PLATFORM, DIRECT, channel.id)
    if channel.type in THREAD_TYPES and channel.parent_id is not None:
        return Conversation(PLATFORM, guild_id, channel.parent_id, channel.id)
    return Conversation(PLATFORM, guild_id, channel.id)


def sender_of(user: User, member: Member | None = None, guild: str | None = None) -> Sender:
    """Return the account as the hub knows it; Discord's user ids are one space for all guilds.

    What its membership of a guild tells of its roles is believed.
    """
    nick = member.nick if member else None
    name = nick or user.global_name or user.username or user.id
    roles = member.roles if member else None
    circles = None if roles is None or guild is None else circle_keys(guild, roles)
    return Sender(Identity(PLATFORM, PLATFORM, user.id), name, circles)


def is_said(message: Message) -> bool:
    """Whether somebody wrote it, and it is no notice of Discord's own."""
    return message.type in _SAID_BY_PEOPLE


def is_of_a_bot(message: Message) -> bool:
    """Whether no person wrote it."""
    return message.author.bot or message.webhook_id is not None


def is_addressed(message: Message, ears: Ears) -> bool:
    """Whether it mentions the bot or replies to it."""
    if any(user.id == ears.user_id for user in message.mentions):
        return True
    reply = message.referenced_message
    return message.type == _REPLY and reply is not None and reply.author.id == ears.user_id


def parse_message(message: Message, place: Place, ears: Ears) -> InboundMessage | None:
    """Return what was said to the bot; None for what is not for it."""
    if not is_said(message) or not _is_heard(message, place, ears):
        return None
    text = text_of(message, ears.user_id)
    if not text:
        return None
    return InboundMessage(
        event_id=message.id,
        conversation=place.conversation,
        sender=sender_of(message.author, message.member, message.guild_id),
        text=_with_reply(text, message, ears),
        sent_at=message.timestamp,
    )


def parse_edit(message: Message, place: Place, ears: Ears) -> InboundMessage | None:
    """Return the new text of a message; None when nobody edited it (links that unfold)."""
    said = parse_message(message, place, ears)
    if said is None or message.edited_timestamp is None:
        return None
    stamp = int(message.edited_timestamp.timestamp() * 1000)
    return InboundMessage(
        event_id=f"{message.id}:edit:{stamp}",
        conversation=said.conversation,
        sender=said.sender,
        text=said.text,
        sent_at=message.edited_timestamp,
        kind=MessageKind.EDIT,
        target=message.id,
    )


def parse_deletion(message_id: str, place: Place, sender: Sender, now: datetime) -> InboundMessage:
    """Return that a message was taken back by the one who had sent it."""
    return InboundMessage(
        event_id=f"{message_id}:delete",
        conversation=place.conversation,
        sender=sender,
        text="",
        sent_at=now,
        kind=MessageKind.DELETE,
        target=message_id,
    )


def parse_reaction(
    reaction: Reaction, place: Place, ears: Ears, now: datetime
) -> InboundMessage | None:
    """Return a reaction that is to be heard; the same one put again is the same event."""
    sender = _reacting(reaction)
    is_on_ours = reaction.message_author_id == ears.user_id
    is_wanted = is_on_ours or (ears.reactions is ReactionPolicy.ALL and place.is_open)
    is_off = ears.reactions is ReactionPolicy.OFF
    if is_off or not is_wanted or sender is None or reaction.user_id == ears.user_id:
        return None
    emoji = reaction.emoji
    return InboundMessage(
        event_id=f"{reaction.message_id}:reaction:{reaction.user_id}:{emoji.id or emoji.name}",
        conversation=place.conversation,
        sender=sender,
        text=emoji.name or "",
        sent_at=now,
        kind=MessageKind.REACTION,
        target=reaction.message_id,
    )


def _reacting(reaction: Reaction) -> Sender | None:
    """Return who reacted; None for a bot. In DMs Discord tells only the id."""
    member = reaction.member
    if member is None or member.user is None:
        return sender_of(User(id=reaction.user_id))
    return None if member.user.bot else sender_of(member.user, member, reaction.guild_id)


def text_of(message: Message, bot_id: str) -> str:
    """Return the words of a message: without the bot's mention, people's with their names."""
    spoken = _named(_without_mention(message.content, bot_id), message.mentions)
    parts = [spoken, *(f"[sticker: {sticker.name}]" for sticker in message.sticker_items)]
    parts += [f"[forwarded] {snapshot.message.content}" for snapshot in message.message_snapshots]
    said = "\n".join(part for part in parts if part) or note_of_files(files_of(message))
    return said or _named(message.content.strip(), message.mentions)


def _with_reply(text: str, message: Message, ears: Ears) -> str:
    """Put below the words what they reply to; a command has no use for it."""
    note = None if text.startswith("/") else reply_note(message, ears.user_id)
    return text if note is None else f"{text}\n\n{note}"


def files_of(message: Message) -> list[File]:
    """Return the files of a message, and of those that it forwards."""
    forwarded = (file for one in message.message_snapshots for file in one.message.attachments)
    return [*message.attachments, *forwarded]


def _without_mention(content: str, bot_id: str) -> str:
    return re.sub(rf"[ \t]*<@!?{bot_id}>[ \t]*", " ", content).strip()


def _named(content: str, mentioned: Sequence[User]) -> str:
    """Put people's names where Discord has their ids."""
    for user in mentioned:
        name = f"@{user.global_name or user.username}"
        content = content.replace(f"<@{user.id}>", name).replace(f"<@!{user.id}>", name)
    return content


def _is_heard(message: Message, place: Place, ears: Ears) -> bool:
    if message.author.id == ears.user_id:
        return False
    is_to_us = is_addressed(message, ears)
    if not is_of_a_bot(message):
        return is_to_us or place.is_open
    match ears.bots:
        case BotPolicy.NONE:
            return False
        case BotPolicy.MENTIONS:
            return is_to_us
        case BotPolicy.ALL:
            return is_to_us or place.is_open
