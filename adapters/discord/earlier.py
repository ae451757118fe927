"""Looks up what people said in a channel or thread before they spoke to the bot."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from pydantic import ValidationError

from adapters.discord.inbound import is_of_a_bot, is_said, sender_of, text_of
from adapters.discord.options import DiscordOptions
from adapters.discord.outbound import channel_of
from adapters.discord.pace import Urgency
from adapters.discord.payloads import Message
from adapters.discord.rest import Call, Json, Rest
from gateway.domain.conversations import Conversation
from gateway.domain.overheard import Overheard, Stretch
from gateway.errors import PosternError

log = logging.getLogger(__name__)

_PATIENCE_SECONDS = 5.0
_PAGE = 100
"""The most that Discord returns at once ("Get Channel Messages"); what is left out counts too."""


class Earlier:
    """Looks into history. It needs Read Message History and the message-content intent."""

    def __init__(self, rest: Rest, options: DiscordOptions) -> None:
        self._rest = rest
        self._admits = options.admits

    async def overheard(self, stretch: Stretch) -> Sequence[Overheard] | None:
        """Return what people said there, oldest first; None where it can not be told now."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await self._look(stretch)
        except (PosternError, TimeoutError, ValidationError) as error:
            told = {"conversation": stretch.place.id, "error": str(error)}
            log.info("earlier_talk_not_told", extra=told)
            return None

    async def _look(self, stretch: Stretch) -> list[Overheard]:
        call = Call(
            "GET",
            "/channels/{channel_id}/messages",
            {"channel_id": channel_of(stretch.place)},
            query={"before": stretch.before, "limit": str(_PAGE)},
            urgency=Urgency.LOOK_UP,
        )
        found: list[Json] = await self._rest.call(call)
        messages = sorted((Message.model_validate(one) for one in found), key=lambda m: int(m.id))
        after = int(stretch.after or 0)
        said = [message for message in messages if int(message.id) > after and is_said(message)]
        heard = [each for each in said if await self._is_heard(each, stretch.place)]
        return [_overheard(each, self._rest.bot_id) for each in heard[-stretch.most :]]

    async def _is_heard(self, message: Message, place: Conversation) -> bool:
        """Whether its author may talk to an agent here, and said something."""
        if is_of_a_bot(message) or not text_of(message, self._rest.bot_id):
            return False
        return await self._admits(sender_of(message.author), place)


def _overheard(message: Message, bot: str) -> Overheard:
    name = sender_of(message.author, message.member).name
    return Overheard(name, text_of(message, bot), message.timestamp)
