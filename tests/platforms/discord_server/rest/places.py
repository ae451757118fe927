"""The bot, users, guilds, channels, threads, typing."""

from tests.platforms.discord_server import payloads
from tests.platforms.discord_server.composing import body_of, draft_from
from tests.platforms.discord_server.errors import refuse
from tests.platforms.discord_server.forms import Field, Form, check_form
from tests.platforms.discord_server.message_forms import WEBHOOK_FORM, read_body
from tests.platforms.discord_server.permissions import require
from tests.platforms.discord_server.records import Channel, ChannelKind, Permission
from tests.platforms.discord_server.requests import NO_CONTENT, Answer, Call, Route
from tests.platforms.discord_server.state import World
from tests.platforms.discord_server.wire import Json

_THREAD: Form = {
    "name": Field("string", 100, 1, required=True),
    "auto_archive_duration": Field("integer", choices=(60, 1440, 4320, 10080)),
    "rate_limit_per_user": Field("integer", 21600),
    "type": Field("integer", choices=(10, 11, 12)),
    "invitable": Field("boolean"),
    "message": Field("object"),
}
_CHANNEL_CHANGE: Form = {
    "name": Field("string", 100, 1),
    "archived": Field("boolean"),
    "locked": Field("boolean"),
    "topic": Field("string", 1024),
    "auto_archive_duration": Field("integer", choices=(60, 1440, 4320, 10080)),
    "rate_limit_per_user": Field("integer", 21600),
    "invitable": Field("boolean"),
}
_OPEN_DM: Form = {"recipient_id": Field("snowflake", required=True)}


class Places:
    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        channel = "/channels/{channel_id}"
        return [
            Route("GET", "/users/@me", self.own_user),
            Route("GET", "/users/@me/guilds", self.own_guilds),
            Route("POST", "/users/@me/channels", self.open_dm),
            Route("GET", "/users/{user_id}", self.user),
            Route("GET", "/guilds/{guild_id}", self.guild),
            Route("GET", "/guilds/{guild_id}/channels", self.guild_channels),
            Route("GET", "/guilds/{guild_id}/members/{user_id}", self.member),
            Route("GET", channel, self.channel),
            Route("PATCH", channel, self.change_channel),
            Route("DELETE", channel, self.close_channel),
            Route("POST", f"{channel}/typing", self.typing),
            Route("POST", f"{channel}/threads", self.start_thread),
            Route("POST", f"{channel}/messages/{{message_id}}/threads", self.thread_from_message),
            Route("PUT", f"{channel}/thread-members/@me", self.join_thread),
        ]

    def own_user(self, call: Call) -> Answer:
        return Answer(200, payloads.own_user(self._world.bot))

    def own_guilds(self, call: Call) -> Answer:
        return Answer(200, [payloads.guild(guild) for guild in self._world.guilds.values()])

    def user(self, call: Call) -> Answer:
        return Answer(200, payloads.user(self._world.user(call.id("user_id"))))

    def guild(self, call: Call) -> Answer:
        return Answer(200, payloads.guild(self._world.guild(call.id("guild_id"))))

    def guild_channels(self, call: Call) -> Answer:
        guild = self._world.guild(call.id("guild_id"))
        places = [self._world.channels[one] for one in guild.channel_ids]
        return Answer(200, [self._render(channel) for channel in places])

    def member(self, call: Call) -> Answer:
        guild = self._world.guild(call.id("guild_id"))
        user = self._world.user(call.id("user_id"))
        if user.id not in guild.member_ids:
            raise refuse(10007)
        return Answer(200, payloads.member(user, guild))

    def channel(self, call: Call) -> Answer:
        return Answer(200, self._render(self._find(call)))

    def open_dm(self, call: Call) -> Answer:
        """Give the DM with a person; opening works even if sending will be refused."""
        body = body_of(call)
        check_form(body, _OPEN_DM).raise_if_any()
        user = self._world.user(int(body["recipient_id"]))
        if user.bot:
            raise refuse(50007)
        return Answer(200, self._render(self._world.dm_with(user)))

    def change_channel(self, call: Call) -> Answer:
        channel = self._find(call)
        if channel.is_dm:
            raise refuse(50003)
        body = body_of(call)
        check_form(body, _CHANNEL_CHANGE).raise_if_any()
        wanted = Permission.MANAGE_THREADS if channel.is_thread else Permission.MANAGE_CHANNELS
        if channel.owner_id != self._world.bot.id:
            require(self._world, channel, wanted)
        channel.name = body.get("name") or channel.name
        channel.is_archived = bool(body.get("archived", channel.is_archived))
        channel.is_locked = bool(body.get("locked", channel.is_locked))
        event = "THREAD_UPDATE" if channel.is_thread else "CHANNEL_UPDATE"
        self._world.announce.channel(event, channel)
        return Answer(200, self._render(channel))

    def close_channel(self, call: Call) -> Answer:
        """Delete a guild's channel or thread. A DM is only closed: it and its history stay."""
        channel = self._find(call)
        body = self._render(channel)
        if channel.is_dm:
            return Answer(200, body)
        wanted = Permission.MANAGE_THREADS if channel.is_thread else Permission.MANAGE_CHANNELS
        require(self._world, channel, wanted)
        self._world.remove_channel(channel)
        return Answer(200, body)

    def typing(self, call: Call) -> Answer:
        channel = self._find(call)
        require(self._world, channel, Permission.SEND_MESSAGES)
        self._world.start_typing(channel, self._world.bot)
        return NO_CONTENT

    def start_thread(self, call: Call) -> Answer:
        parent, body = self._find(call), self._thread_body(call)
        kind = ChannelKind.PUBLIC_THREAD if body.get("type") == 11 else ChannelKind.PRIVATE_THREAD
        private = kind is ChannelKind.PRIVATE_THREAD
        wanted = Permission.CREATE_PUBLIC_THREADS
        require(self._world, parent, Permission.CREATE_PRIVATE_THREADS if private else wanted)
        thread = self._world.add_thread(parent, body["name"], self._world.bot, kind, None)
        if body.get("message"):
            opening = read_body(body["message"], WEBHOOK_FORM)
            self._world.post(thread, draft_from(self._world, opening, call.uploads))
        return Answer(201, self._render(thread))

    def thread_from_message(self, call: Call) -> Answer:
        parent, body = self._find(call), self._thread_body(call)
        require(self._world, parent, Permission.CREATE_PUBLIC_THREADS)
        message = self._world.message(parent, call.id("message_id"))
        if message.thread_id is not None:
            raise refuse(160004)
        kind = ChannelKind.PUBLIC_THREAD
        thread = self._world.add_thread(parent, body["name"], self._world.bot, kind, message)
        return Answer(201, self._render(thread))

    def join_thread(self, call: Call) -> Answer:
        if not self._find(call).is_thread:
            raise refuse(50024)
        return NO_CONTENT

    def _thread_body(self, call: Call) -> Json:
        if self._find(call).kind is not ChannelKind.TEXT:
            raise refuse(50024)
        body = body_of(call)
        check_form(body, _THREAD).raise_if_any()
        return body

    def _find(self, call: Call) -> Channel:
        channel = self._world.channel(call.id("channel_id"))
        require(self._world, channel)
        return channel

    def _render(self, channel: Channel) -> Json:
        return payloads.channel(channel, self._world.bot.id)
