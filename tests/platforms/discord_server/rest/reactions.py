"""Reactions: 20 different ones per message at most."""

from tests.platforms.discord_server import payloads
from tests.platforms.discord_server.errors import refuse
from tests.platforms.discord_server.permissions import require
from tests.platforms.discord_server.records import Message, Permission
from tests.platforms.discord_server.requests import NO_CONTENT, Answer, Call, Route
from tests.platforms.discord_server.state import World


class Reactions:
    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        all_of = "/channels/{channel_id}/messages/{message_id}/reactions"
        one = f"{all_of}/{{emoji}}"
        return [
            Route("DELETE", all_of, self.clear),
            Route("GET", one, self.users),
            Route("PUT", f"{one}/@me", self.add),
            Route("DELETE", f"{one}/@me", self.remove_own),
            Route("DELETE", f"{one}/{{user_id}}", self.remove),
        ]

    def add(self, call: Call) -> Answer:
        message = self._find(call, Permission.READ_MESSAGE_HISTORY)
        emoji = _emoji(call)
        if emoji not in message.reactions:
            self._find(call, Permission.ADD_REACTIONS)
            if len(message.reactions) >= 20:
                raise refuse(30010)
        self._world.react(message, self._world.bot, emoji)
        return NO_CONTENT

    def remove_own(self, call: Call) -> Answer:
        self._world.unreact(self._find(call), self._world.bot, _emoji(call))
        return NO_CONTENT

    def remove(self, call: Call) -> Answer:
        message = self._find(call, Permission.MANAGE_MESSAGES)
        self._world.unreact(message, self._world.user(call.id("user_id")), _emoji(call))
        return NO_CONTENT

    def clear(self, call: Call) -> Answer:
        message = self._find(call, Permission.MANAGE_MESSAGES)
        for emoji, users in list(message.reactions.items()):
            for user in list(users):
                self._world.unreact(message, self._world.user(user), emoji)
        return NO_CONTENT

    def users(self, call: Call) -> Answer:
        found = self._find(call).reactions.get(_emoji(call), [])
        return Answer(200, [payloads.user(self._world.users[one]) for one in found])

    def _find(self, call: Call, *wanted: Permission) -> Message:
        channel = self._world.channel(call.id("channel_id"))
        require(self._world, channel, *wanted)
        return self._world.message(channel, call.id("message_id"))


def _emoji(call: Call) -> str:
    """Read the emoji; plain words are refused with 10014, as no emoji is called that."""
    emoji = call.params["emoji"]
    name, _, identifier = emoji.partition(":")
    is_custom = bool(name) and identifier.isdecimal()
    if not is_custom and emoji.isascii():
        raise refuse(10014)
    return emoji
