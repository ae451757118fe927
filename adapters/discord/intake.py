"""Takes in one event at a time: reads it, finds its place, and has it stored."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import discord
from pydantic import ValidationError

from adapters.discord.bot_turns import BotTurns
from adapters.discord.buttons import Buttons
from adapters.discord.downloads import Downloads
from adapters.discord.failures import THREAD_EXISTS, DiscordRefused
from adapters.discord.forms import Forms
from adapters.discord.inbound import (
    DIRECT,
    PLATFORM,
    Ears,
    Place,
    files_of,
    is_addressed,
    is_of_a_bot,
    parse_deletion,
    parse_edit,
    parse_message,
    parse_reaction,
    place_of,
)
from adapters.discord.insistence import insist
from adapters.discord.interactions import (
    callback,
    deferral,
    immediate_answer,
    parse_interaction,
)
from adapters.discord.lanes import Event
from adapters.discord.options import DiscordOptions
from adapters.discord.outbound import Content, channel_of
from adapters.discord.pace import Urgency
from adapters.discord.payloads import Channel, Deletion, Interaction, Message, Reaction
from adapters.discord.refusals import Refusals
from adapters.discord.rest import Call, Json, Rest
from gateway.domain.conversations import Conversation
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Sender
from gateway.errors import BadInput, RetryLater
from gateway.ports import Accept, Clock

log = logging.getLogger(__name__)

_PAGE = 100
"""Messages that one look into history returns at most."""
_AUTHORS = 10_000
"""Senders remembered, so that a deletion, which names nobody, can be told whose it was."""
_THREAD_NAME = 80
_ANSWER_AGAIN_AFTER = (0.1, 0.3, 0.6, 1.0)
"""Seconds; Discord waits for 3 in all."""


@dataclass(frozen=True, slots=True)
class Doors:
    """What the intake reaches beyond itself."""

    rest: Rest
    accept: Accept
    clock: Clock
    find_channel: Callable[[int], object]
    """Returns discord.py's object of a channel, if it has one."""


class Intake:
    """Has events stored. It goes on only when one is, so an order is kept by calling in order."""

    def __init__(self, doors: Doors, options: DiscordOptions) -> None:
        self._doors = doors
        self._options = options
        self._ears = Ears(doors.rest.bot_id, options.bots, options.reactions)
        self._commands = {command.name: command for command in options.commands}
        self._buttons = Buttons(options.token)
        self._forms = Forms(options.find_delivery, self._buttons)
        self._refusals = Refusals(options.note_refusal, "gateway")
        self._bot_turns = BotTurns(options.bot_turns)
        self._downloads = Downloads(options)
        self._places: dict[str, Conversation] = {}
        self._followed: set[str] = set()
        self._authors: OrderedDict[str, Sender] = OrderedDict()

    def meet(self, conversation: Conversation, *, takes_part: bool = True) -> None:
        """Remember a conversation. In a thread where the bot takes part it hears everything."""
        self._places[channel_of(conversation)] = conversation
        if conversation.thread is not None and takes_part:
            self._followed.add(conversation.thread)

    async def take_in(self, event: Event) -> None:
        """Return when the event is stored, or was not for us."""
        try:
            await self._read(event)
        except ValidationError:
            await self._note_odd(event.data.get("guild_id"), event.name)

    async def _note_odd(self, guild: object, event: str) -> None:
        await self._refusals.note_odd(guild, f"{event}_shape", self._doors.clock.now())

    async def _read(self, event: Event) -> None:
        match event.name:
            case "MESSAGE_CREATE":
                message = Message.model_validate(event.data)
                await self._take_message(message, await self._place(message))
            case "MESSAGE_UPDATE":
                await self._take_edit(event.data)
            case "MESSAGE_DELETE" | "MESSAGE_DELETE_BULK":
                await self._take_deletion(Deletion.model_validate(event.data))
            case "MESSAGE_REACTION_ADD":
                reaction = Reaction.model_validate(event.data)
                place = await self._place(reaction)
                await self._accept(
                    parse_reaction(reaction, place, self._ears, self._doors.clock.now())
                )
            case "INTERACTION_CREATE":
                await self._take_interaction(Interaction.model_validate(event.data))
            case _:
                log.debug("discord_event_unread", extra={"event": event.name})

    async def take_missed(self, channel: str, after: int) -> None:
        """Take in what a known channel holds after this message id, oldest first."""
        place = self._place_at(self._places[channel])
        while True:
            page = await self._history(channel, after)
            for found in page:
                await self._take_found(found, place)
            if len(page) < _PAGE:
                return
            after = int(page[-1]["id"])

    async def _take_found(self, found: Json, place: Place) -> None:
        try:
            await self._take_message(Message.model_validate(found), place)
        except ValidationError:
            await self._note_odd(place.conversation.workspace, "MESSAGE")
        except Exception:  # the loop's edge: one message never loses those after it
            log.exception("discord_event_bug", extra={"message_id": found.get("id")})

    async def _history(self, channel: str, after: int) -> list[Json]:
        """Return the messages that follow next upon an id, oldest first."""
        query = {"after": str(after), "limit": str(_PAGE)}
        path = "/channels/{channel_id}/messages"
        ids = {"channel_id": channel}
        call = Call("GET", path, ids, query=query, urgency=Urgency.BACKFILL)
        try:
            found: list[Json] = await self._insist_on(call)
        except DiscordRefused as error:
            log.warning("discord_not_backfilled", extra={"channel": channel, "error": str(error)})
            return []
        return sorted(found, key=lambda one: int(one["id"]))

    async def _take_message(self, message: Message, place: Place) -> None:
        if message.author.id == self._ears.user_id:
            await self._take_own(message, place)
            return
        if not is_of_a_bot(message):
            self._bot_turns.person_wrote(message.channel_id)
        said = parse_message(message, place, self._ears)
        if said is None:
            return
        if is_of_a_bot(message) and not self._bot_turns.bot_may(message.channel_id):
            log.warning("discord_bot_loop", extra={"channel": message.channel_id})
            return
        if not await self._admits(said):
            # Only to be refused: no thread, and no room for its files.
            await self._accept(said)
            return
        said = await self._in_own_thread(said, message, place)
        said, missing = await self._downloads.take_in(said, files_of(message))
        await self._accept(said)
        if missing is not None:
            await self._tell(said, missing)

    async def _take_own(self, message: Message, place: Place) -> None:
        """Tell of what the bot itself posted: it may have been another deployment's."""
        heard, nonce = self._options.heard_own, message.nonce
        if heard is not None and isinstance(nonce, str):
            await insist(lambda: heard(place.conversation, nonce), self._options.retry_seconds)

    async def _admits(self, said: InboundMessage) -> bool:
        admits, wait = self._options.admits, self._options.retry_seconds
        return await insist(lambda: admits(said.sender, said.conversation), wait)

    async def _take_edit(self, data: Json) -> None:
        if "author" not in data or not data.get("edited_timestamp"):
            return
        message = Message.model_validate(data)
        place = await self._place(message)
        if message.id in self._followed:
            # It was moved into the thread that begins with it.
            place = self._place_at(replace(place.conversation, thread=message.id))
        await self._accept(parse_edit(message, place, self._ears))

    async def _take_deletion(self, deletion: Deletion) -> None:
        place = await self._place(deletion)
        for target in deletion.targets:
            sender = self._authors.get(target)
            if sender is not None:
                now = self._doors.clock.now()
                await self._accept(parse_deletion(target, place, sender, now))

    async def _take_interaction(self, interaction: Interaction) -> None:
        answer = immediate_answer(interaction, self._commands)
        answer = answer or await self._forms.opening(interaction)
        await self._answer(callback(interaction, answer or await self._taken_in(interaction)))

    async def _taken_in(self, interaction: Interaction) -> Json:
        """Have it stored, and return the answer that may be given then."""
        try:
            message = parse_interaction(interaction, self._commands, self._buttons)
        except BadInput as error:
            return await self._refusals.turned_away(error)
        await self._accept(message)
        return deferral(message)

    async def _answer(self, call: Call) -> None:
        """Answer an interaction while Discord waits; one that is lost is answered in its channel.

        A repeat of what had arrived is refused, and that is fine.
        """
        for wait in _ANSWER_AGAIN_AFTER:
            try:
                await self._doors.rest.call(call)
            except RetryLater:
                await asyncio.sleep(wait)
            except DiscordRefused as error:
                log.info("discord_not_deferred", extra={"error": str(error)})
                return
            else:
                return
        log.warning("discord_not_deferred", extra={"error": "Discord could not be reached."})

    async def _accept(self, message: InboundMessage | None) -> None:
        if message is None:
            return
        try:
            await insist(lambda: self._doors.accept(message), self._options.retry_seconds)
        except BadInput as error:
            await self._tell(message, str(error))
            return
        self.meet(message.conversation, takes_part=await self._brings_in(message))
        self._authors[message.event_id] = message.sender
        if len(self._authors) > _AUTHORS:
            self._authors.popitem(last=False)

    async def _brings_in(self, message: InboundMessage) -> bool:
        """Whether the bot takes part in a thread from now on, where it did not.

        What only its sender sees the answer to, and what is not heard at all, gives nobody
        else's words to the bot.
        """
        thread = message.conversation.thread
        if thread is None or thread in self._followed or message.is_private:
            return False
        return await self._admits(message)

    async def _tell(self, message: InboundMessage, sentence: str) -> None:
        """Say in its channel why a message can not be taken in; once, however often it comes."""
        body = Content(sentence).body() | {"nonce": message.event_id[-25:], "enforce_nonce": True}
        ids = {"channel_id": channel_of(message.conversation)}
        try:
            await self._insist_on(Call("POST", "/channels/{channel_id}/messages", ids, body))
        except DiscordRefused as error:
            log.info("discord_not_told", extra={"error": str(error)})

    # -- places ------------------------------------------------------------------------------

    async def _place(self, event: Message | Deletion | Reaction) -> Place:
        return self._place_at(await self._conversation(event.channel_id, event.guild_id))

    def _place_at(self, conversation: Conversation) -> Place:
        is_followed = conversation.thread in self._followed
        return Place(conversation, is_followed or self._options.hears_all(conversation))

    async def _conversation(self, channel_id: str, guild_id: str | None) -> Conversation:
        if guild_id is None:
            return Conversation(PLATFORM, DIRECT, channel_id)
        if channel_id not in self._places:
            self._places[channel_id] = await self._find_place(channel_id, guild_id)
        return self._places[channel_id]

    async def _find_place(self, channel_id: str, guild_id: str) -> Conversation:
        known = self._doors.find_channel(int(channel_id))
        if isinstance(known, discord.Thread):
            return Conversation(PLATFORM, guild_id, str(known.parent_id), channel_id)
        if known is not None:
            return Conversation(PLATFORM, guild_id, channel_id)
        call = Call("GET", "/channels/{channel_id}", {"channel_id": channel_id})
        return place_of(Channel.model_validate(await self._insist_on(call)), guild_id)

    async def _in_own_thread(
        self, said: InboundMessage, message: Message, place: Place
    ) -> InboundMessage:
        """Move a mention in a channel into a thread; such a thread has its message's id."""
        conversation = place.conversation
        is_wanted = self._options.threads_on_mention and is_addressed(message, self._ears)
        if not is_wanted or place.is_direct or conversation.thread is not None:
            return said
        name = said.text.splitlines()[0][:_THREAD_NAME]
        path = "/channels/{channel_id}/messages/{message_id}/threads"
        ids = {"channel_id": conversation.channel, "message_id": message.id}
        try:
            await self._insist_on(Call("POST", path, ids, {"name": name}))
        except DiscordRefused as error:
            if error.code != THREAD_EXISTS:
                log.warning("discord_no_thread", extra={"error": str(error)})
                return said
        return replace(said, conversation=replace(conversation, thread=message.id))

    async def _insist_on(self, call: Call) -> Any:
        return await insist(lambda: self._doors.rest.call(call), self._options.retry_seconds)
