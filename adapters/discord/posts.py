"""Messages in channels: posted once for each nonce, edited, taken back, searched for."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta

from adapters.discord.failures import UNKNOWN_MESSAGE, DiscordRefused
from adapters.discord.outbound import Content, may_be_of
from adapters.discord.pace import Urgency
from adapters.discord.payloads import Message, snowflake_at
from adapters.discord.rest import Call, Json, Rest
from gateway.domain.deliveries import Delivery
from gateway.errors import OutcomeUnknown

_PAGE = 100
_SKEW = timedelta(seconds=5)
"""How far our clock may be ahead of Discord's."""
_REMEMBERED = 10_000
_ALL_OF = "/channels/{channel_id}/messages"
_ONE = "/channels/{channel_id}/messages/{message_id}"


class Posts:
    """The bot's own messages in channels."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._sent: OrderedDict[str, str] = OrderedDict()
        """Message id → the nonce of the delivery it is of, as far as this process knows."""

    async def post(self, channel: str, content: Content, nonce: str) -> str:
        """Post, and return the id; a repeat of the nonce within minutes returns the first one.

        How long Discord remembers a nonce is not said ("Create Message": "the past
        few minutes"). Raises OutcomeUnknown when the answer was lost.
        """
        body = {**content.body(), "nonce": nonce, "enforce_nonce": True}
        ids = {"channel_id": channel}
        shown: Json = await self._rest.call(
            Call("POST", _ALL_OF, ids, body, uploads=content.uploads, is_repeatable=False)
        )
        self._note(str(shown["id"]), nonce)
        return str(shown["id"])

    async def edit(self, channel: str, message: str, content: Content) -> None:
        """Give a message a new text."""
        await self._rest.call(edit_of(channel, message, content))

    async def delete(self, channel: str, message: str) -> None:
        """Take a message back; one that is gone already is fine."""
        ids = {"channel_id": channel, "message_id": message}
        try:
            await self._rest.call(Call("DELETE", _ONE, ids))
        except DiscordRefused as error:
            if error.code != UNKNOWN_MESSAGE:
                raise

    async def open_direct(self, user: str) -> str:
        """Return the channel of the bot's DM with a person."""
        opened: Json = await self._rest.call(
            Call("POST", "/users/@me/channels", {}, {"recipient_id": user})
        )
        return str(opened["id"])

    async def search(self, channel: str, delivery: Delivery, content: Content) -> str | None:
        """Look for an earlier try of a delivery; None when history surely has none.

        History shows no nonces, so a try is told by who wrote it, when, and what it
        says. Two deliveries that say the same within the same time can not be told
        apart once the process that sent them is gone: the first one found is taken.
        Raises OutcomeUnknown where history can not be read, or shows a message that
        may have been another text of this delivery.
        """
        tries = await self._own_since(channel, delivery.created_at - _SKEW)
        tries = [m for m in tries if self._sent.get(m.id, delivery.nonce) == delivery.nonce]
        was_revised = delivery.revision > 1
        for message in tries:
            if may_be_of(message.said, content, was_revised=was_revised):
                self._note(message.id, delivery.nonce)
                return message.id
        if tries and was_revised:
            raise OutcomeUnknown("A message of ours is there, and its text can not be told.")
        if not tries and not await self._page(channel, {"limit": "1"}):
            raise OutcomeUnknown("The channel shows no history: Read Message History is missing.")
        return None

    async def _own_since(self, channel: str, moment: datetime) -> list[Message]:
        found: list[Message] = []
        after = str(snowflake_at(moment))
        while True:
            page = await self._page(channel, {"after": after, "limit": str(_PAGE)})
            found += [message for message in page if message.author.id == self._rest.bot_id]
            if len(page) < _PAGE:
                return found
            after = page[-1].id

    async def _page(self, channel: str, query: dict[str, str]) -> list[Message]:
        """Return one page of history, oldest first."""
        call = Call("GET", _ALL_OF, {"channel_id": channel}, query=query, urgency=Urgency.LOOK_UP)
        try:
            found: list[Json] = await self._rest.call(call)
        except DiscordRefused as error:
            raise OutcomeUnknown(f"The channel's history can not be read: {error}") from error
        return sorted((Message.model_validate(one) for one in found), key=lambda m: int(m.id))

    def _note(self, message: str, nonce: str) -> None:
        self._sent[message] = nonce
        if len(self._sent) > _REMEMBERED:
            self._sent.popitem(last=False)


def edit_of(channel: str, message: str, content: Content) -> Call:
    """Return the call that gives a message in a channel a new text."""
    ids = {"channel_id": channel, "message_id": message}
    return Call("PATCH", _ONE, ids, content.body(), uploads=content.uploads)
