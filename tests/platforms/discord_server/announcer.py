"""How the world speaks: renders messages and guilds, and publishes events about them."""

import secrets
from typing import TYPE_CHECKING
from urllib.parse import quote

from tests.platforms.discord_server import payloads
from tests.platforms.discord_server.events import Event, Intent, Listener
from tests.platforms.discord_server.records import Attachment, Channel, Guild, Message, User
from tests.platforms.discord_server.wire import Json, iso

if TYPE_CHECKING:
    from tests.platforms.discord_server.state import World


class Announcer:
    """Renders records with what only the world knows, and tells every listener."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.listeners: list[Listener] = []

    def _publish(self, event: Event) -> None:
        for listener in self.listeners:
            listener(event)

    def guild(self, guild: Guild) -> None:
        self._publish(Event("GUILD_CREATE", self.guild_create(guild), guild.id, Intent.GUILDS))

    def channel(self, name: str, channel: Channel) -> None:
        """Publish CHANNEL_* or THREAD_* about a place in a guild."""
        data = payloads.channel(channel, self._world.bot.id)
        if name == "THREAD_CREATE":
            data["newly_created"] = True
        self._publish(Event(name, data, channel.guild_id, Intent.GUILDS))

    def interaction(self, data: Json, guild_id: int | None) -> None:
        self._publish(Event("INTERACTION_CREATE", data, guild_id))

    def attachment_url(self, record: Attachment) -> str:
        """Give a signed address: `ex` and `is` are hex seconds, as on Discord's CDN."""
        now = int(self._world.now())
        expires = now + int(self._world.settings.attachment_url_seconds)
        path = f"attachments/{record.channel_id}/{record.id}/{quote(record.filename)}"
        return (
            f"{self._world.base_url}/{path}?ex={expires:x}&is={now:x}&hm={secrets.token_hex(16)}&"
        )

    def message_payload(self, message: Message, *, with_nonce: bool = False) -> Json:
        """Give a message as REST shows it; the nonce only in answer to the one who set it."""
        last = message.revisions[-1]
        payload: Json = {
            "id": str(message.id),
            "type": int(message.kind),
            "channel_id": str(message.channel_id),
            "author": payloads.author(message),
            "content": last.content,
            "timestamp": iso(message.created_at),
            "edited_timestamp": None if message.edited_at is None else iso(message.edited_at),
            "tts": False,
            "mention_everyone": message.mentions.everyone,
            "mentions": [
                payloads.user(self._world.users[one]) for one in message.mentions.user_ids
            ],
            "mention_roles": [str(role) for role in message.mentions.role_ids],
            "attachments": [
                payloads.attachment(file, self.attachment_url(file), ephemeral=message.is_ephemeral)
                for file in last.attachments
            ],
            "embeds": [payloads.embed(one) for one in last.embeds],
            "components": payloads.components(last.components),
            "pinned": False,
            "flags": message.flags,
        }
        return payload | self._optional_parts(message, with_nonce=with_nonce)

    def _optional_parts(self, message: Message, *, with_nonce: bool) -> Json:
        parts: Json = {}
        if with_nonce and message.nonce is not None:
            parts["nonce"] = message.nonce
        if message.reactions:
            parts["reactions"] = payloads.reactions(message, self._world.bot.id)
        if message.webhook_id is not None:
            parts["webhook_id"] = str(message.webhook_id)
        if message.interaction is not None:
            parts["application_id"] = str(self._world.application_id)
            parts["interaction_metadata"] = payloads.interaction_metadata(message.interaction)
        if message.reference is not None:
            parts["message_reference"] = payloads.reference(message.reference)
            gone = message.reference.is_deleted
            parts["referenced_message"] = (
                None if gone else _without_reference(self.message_payload(message.reference))
            )
        if message.thread_id is not None:
            parts["thread"] = payloads.channel(
                self._world.channels[message.thread_id], self._world.bot.id
            )
        return parts

    def guild_create(self, guild: Guild) -> Json:
        """Give the body of GUILD_CREATE: the guild with all that a session caches of it."""
        places = [c for c in self._world.channels.values() if c.guild_id == guild.id]
        bot = self._world.bot.id
        return {
            **payloads.guild(guild),
            "joined_at": iso(guild.created_at),
            "large": False,
            "unavailable": False,
            "member_count": len(guild.member_ids),
            "members": [payloads.member(self._world.users[one], guild) for one in guild.member_ids],
            "channels": [payloads.channel(c, bot) for c in places if not c.is_thread],
            "threads": [payloads.channel(c, bot) for c in places if c.is_thread],
            "voice_states": [],
            "presences": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }

    def message(self, name: str, message: Message) -> None:
        if message.is_ephemeral:
            return
        data = self.message_payload(message, with_nonce=name == "MESSAGE_CREATE")
        guild = None if message.guild_id is None else self._world.guilds[message.guild_id]
        if guild is not None and message.webhook_id is None:
            data["member"] = payloads.member(message.author, guild)
            del data["member"]["user"]
        is_open = guild is None or message.author is self._world.bot
        is_open = is_open or self._world.bot.id in message.mentions.user_ids
        self.about(message, name, data, "MESSAGES", is_private=not is_open)

    def reaction(self, name: str, message: Message, user: User, emoji: str) -> None:
        data: Json = {
            "user_id": str(user.id),
            "channel_id": str(message.channel_id),
            "message_id": str(message.id),
            "emoji": payloads.emoji(emoji),
            "burst": False,
            "type": 0,
        }
        if name.endswith("ADD"):
            data["message_author_id"] = str(message.author.id)
            if message.guild_id is not None:
                data["member"] = payloads.member(user, self._world.guilds[message.guild_id])
        self.about(message, name, data, "REACTIONS")

    def about(
        self, message: Message, name: str, data: Json, topic: str, *, is_private: bool = False
    ) -> None:
        channel = self._world.channels[message.channel_id]
        intent = Intent[f"{'DM' if channel.is_dm else 'GUILD'}_{topic}"]
        self.within(channel, name, data, intent, is_private=is_private)

    def within(
        self, channel: Channel, name: str, data: Json, intent: Intent, *, is_private: bool = False
    ) -> None:
        # discord.py breaks on "guild_id": null, and Discord leaves it out of DM events.
        if channel.guild_id is not None:
            data["guild_id"] = str(channel.guild_id)
        self._publish(Event(name, data, channel.guild_id, intent, is_private))


def _without_reference(payload: Json) -> Json:
    return {name: value for name, value in payload.items() if name != "referenced_message"}
