"""Messages: post once per nonce, edit, delete, read back."""

import heapq

from tests.platforms.discord_server.composing import (
    body_of,
    draft_from,
    read_change,
    visible_flags,
    with_reference,
)
from tests.platforms.discord_server.errors import bad_field, refuse
from tests.platforms.discord_server.message_forms import (
    CREATE_FORM,
    Body,
    read_body,
    snowflake_query,
)
from tests.platforms.discord_server.permissions import require, require_sending
from tests.platforms.discord_server.records import Channel, Message, Permission
from tests.platforms.discord_server.requests import NO_CONTENT, Answer, Call, Route
from tests.platforms.discord_server.state import World

_HOUR_SECONDS = 3600


class Messages:
    def __init__(self, world: World) -> None:
        self._world = world
        self._nonces: dict[str, Message] = {}

    def routes(self) -> list[Route]:
        all_of, one = (
            "/channels/{channel_id}/messages",
            "/channels/{channel_id}/messages/{message_id}",
        )
        return [
            Route("POST", all_of, self.create),
            Route("GET", all_of, self.history),
            Route("POST", f"{all_of}/bulk-delete", self.delete_many),
            Route("GET", one, self.get),
            Route("PATCH", one, self.edit),
            Route("DELETE", one, self.delete),
        ]

    def create(self, call: Call) -> Answer:
        """Post. With enforce_nonce a repeat by the same author returns the first message."""
        channel = self._world.channel(call.id("channel_id"))
        body = read_body(body_of(call), CREATE_FORM)
        require_sending(self._world, channel, with_files=bool(call.uploads))
        draft = draft_from(self._world, body, call.uploads)
        first = self._first_with_nonce(body)
        if first is not None:
            return Answer(200, self._world.announce.message_payload(first, with_nonce=True))
        if body.reference and channel.denied & Permission.READ_MESSAGE_HISTORY:
            raise refuse(160002)
        draft = with_reference(self._world, channel.id, draft, body)
        self._refuse_flags(draft.flags)
        message = self._world.post(channel, draft)
        if message.nonce is not None:
            self._nonces[str(message.nonce)] = message
        return Answer(200, self._world.announce.message_payload(message, with_nonce=True))

    def _refuse_flags(self, flags: int) -> None:
        if flags != visible_flags(flags):
            raise bad_field(("flags",), "INVALID_MESSAGE_FLAGS", "These flags cannot be set.")

    def _first_with_nonce(self, body: Body) -> Message | None:
        if not body.enforce_nonce or body.nonce is None:
            return None
        first = self._nonces.get(str(body.nonce))
        if first is None:
            return None
        age = self._world.now() - first.created_at
        return first if age <= self._world.settings.nonce_window_seconds else None

    def history(self, call: Call) -> Answer:
        """Give messages newest first; `after` gives those that follow next upon it."""
        channel = self._world.channel(call.id("channel_id"))
        require(self._world, channel)
        limit = _limit(call.query.get("limit"))
        marks = {name: snowflake_query(call.query.get(name), name) for name in _MARKS}
        if channel.denied & Permission.READ_MESSAGE_HISTORY:
            return Answer(200, [])
        found = self._page(channel, limit, marks)
        pages = [self._world.announce.message_payload(message) for message in reversed(found)]
        return Answer(200, pages)

    def _page(self, channel: Channel, limit: int, marks: dict[str, int | None]) -> list[Message]:
        around, before, after = marks["around"], marks["before"], marks["after"]
        if around is not None:
            older = self._world.history(channel, before=around + 1)[-(limit // 2 + 1) :]
            newer = self._world.history(channel, after=around)[: limit // 2]
            return heapq.nsmallest(limit, [*older, *newer], key=lambda m: m.id)
        if before is not None:
            return list(self._world.history(channel, before=before)[-limit:])
        if after is not None:
            return list(self._world.history(channel, after=after)[:limit])
        return list(self._world.history(channel)[-limit:])

    def get(self, call: Call) -> Answer:
        channel, message = self._find(call)
        require(self._world, channel, Permission.READ_MESSAGE_HISTORY)
        return Answer(200, self._world.announce.message_payload(message))

    def edit(self, call: Call) -> Answer:
        """Edit the bot's own message; raises 50005 for another's, 30046 when asked too often."""
        channel, message = self._find(call)
        require(self._world, channel)
        if message.author is not self._world.bot or message.webhook_id is not None:
            raise refuse(50005)
        self._refuse_old_edit(message)
        change = read_change(self._world, message, body_of(call), call.uploads)
        self._world.edit(message, change)
        return Answer(200, self._world.announce.message_payload(message))

    def _refuse_old_edit(self, message: Message) -> None:
        limit = self._world.settings.old_edit_limit
        is_old = self._world.now() - message.created_at > _HOUR_SECONDS
        if limit is not None and is_old and len(message.revisions) > limit:
            raise refuse(30046)

    def delete(self, call: Call) -> Answer:
        channel, message = self._find(call)
        self._require_deleting(channel, message)
        self._world.delete(message)
        return NO_CONTENT

    def delete_many(self, call: Call) -> Answer:
        channel = self._world.channel(call.id("channel_id"))
        if channel.is_dm:
            raise refuse(50003)
        require(self._world, channel, Permission.MANAGE_MESSAGES)
        identifiers: list[str] = body_of(call).get("messages") or []
        for identifier in identifiers:
            message = self._world.messages.get(int(identifier))
            if message is not None and message.channel_id == channel.id:
                self._world.delete(message)
        return NO_CONTENT

    def _require_deleting(self, channel: Channel, message: Message) -> None:
        if message.author is self._world.bot:
            require(self._world, channel)
            return
        if channel.is_dm:
            raise refuse(50003)
        require(self._world, channel, Permission.MANAGE_MESSAGES)

    def _find(self, call: Call) -> tuple[Channel, Message]:
        channel = self._world.channel(call.id("channel_id"))
        return channel, self._world.message(channel, call.id("message_id"))


_MARKS = ("around", "before", "after")


def _limit(value: str | None) -> int:
    if value is None:
        return 50
    if not value.isdecimal():
        raise bad_field(("limit",), "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
    if not 1 <= int(value) <= 100:
        text = "int value should be between 1 and 100."
        raise bad_field(("limit",), "NUMBER_TYPE_MAX", text)
    return int(value)
