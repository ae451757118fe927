"""Records → the JSON that Discord sends. Pure; shapes follow Discord's published OpenAPI."""

from tests.platforms.discord_server.records import (
    EVERYTHING,
    Attachment,
    Channel,
    Guild,
    Interaction,
    Message,
    User,
    Webhook,
)
from tests.platforms.discord_server.wire import Json, iso, listed


def user(record: User) -> Json:
    return {
        "id": str(record.id),
        "username": record.name,
        "global_name": None if record.bot else record.name.title(),
        "discriminator": "0000" if record.bot else "0",
        "avatar": None,
        "bot": record.bot,
        "public_flags": 0,
        "flags": 0,
        "primary_guild": None,
    }


def own_user(record: User) -> Json:
    """The bot's user as GET /users/@me shows it."""
    return {
        **user(record),
        "mfa_enabled": True,
        "locale": "en-US",
        "email": None,
        "verified": True,
    }


def member(record: User, guild: Guild) -> Json:
    return {
        "user": user(record),
        "nick": None,
        "avatar": None,
        "banner": None,
        "roles": [str(role) for role in guild.roles.get(record.id, [])],
        "joined_at": iso(guild.created_at),
        "premium_since": None,
        "communication_disabled_until": None,
        "deaf": False,
        "mute": False,
        "pending": False,
        "flags": 0,
    }


def attachment(record: Attachment, url: str, *, ephemeral: bool = False) -> Json:
    payload: Json = {
        "id": str(record.id),
        "filename": record.filename,
        "size": len(record.data),
        "url": url,
        "proxy_url": url,
        "content_type": record.content_type,
    }
    if record.description is not None:
        payload["description"] = record.description
    if record.duration_secs is not None:
        payload |= {"duration_secs": record.duration_secs, "waveform": record.waveform}
    if ephemeral:
        payload["ephemeral"] = True
    return payload


def author(message: Message) -> Json:
    """Who Discord says wrote it: a webhook's own id, not its creator's."""
    if message.webhook_id is None or message.interaction is not None:
        return user(message.author)
    return {**user(message.author), "id": str(message.webhook_id), "global_name": None}


def components(items: tuple[Json, ...]) -> list[Json]:
    """Give components as Discord returns them: each with its own numeric id and all defaults."""
    counter = iter(range(1, 1000))

    def numbered(item: Json) -> Json:
        limits = {"min_values": 1, "max_values": 1} if "options" in item else {}
        defaults = _COMPONENT_DEFAULTS.get(item["type"], {})
        copy: Json = {"id": next(counter), **limits, **defaults, **item}
        if "components" in item:
            copy["components"] = [numbered(child) for child in item["components"]]
        if "items" in item:
            copy["items"] = [_picture(picture, next(counter)) for picture in item["items"]]
        return copy

    return [numbered(item) for item in items]


_COMPONENT_DEFAULTS: dict[int, Json] = {
    14: {"spacing": 1, "divider": True},
    17: {"accent_color": None, "spoiler": False},
}


def _picture(given: Json, number: int) -> Json:
    """Give a picture of a gallery; it is fetched later, and shown by a copy of Discord's."""
    media = {"id": str(number), "proxy_url": given["media"]["url"], **given["media"]}
    return {"description": None, "spoiler": False, **given, "media": media}


def embed(given: Json) -> Json:
    """Give an embed as Discord returns it: with its type, each field saying if it is inline."""
    shown: Json = {"type": "rich", **given}
    if "fields" in given:
        shown["fields"] = [{"inline": False, **one} for one in listed(given, "fields")]
    return shown


def emoji(name: str) -> Json:
    """Give a reaction's emoji from its path form: a character, or "name:id" of a custom one."""
    label, _, identifier = name.partition(":")
    return {"id": identifier or None, "name": label}


def reactions(message: Message, bot_id: int) -> list[Json]:
    return [
        {
            "emoji": emoji(name),
            "count": len(users),
            "count_details": {"burst": 0, "normal": len(users)},
            "burst_colors": [],
            "me_burst": False,
            "me": bot_id in users,
        }
        for name, users in message.reactions.items()
    ]


def interaction_metadata(record: Interaction) -> Json:
    payload: Json = {
        "id": str(record.id),
        "type": record.type,
        "user": user(record.user),
        "authorizing_integration_owners": integration_owners(record),
    }
    if record.source is not None:
        payload["interacted_message_id"] = str(record.source.id)
    return payload


def integration_owners(record: Interaction) -> Json:
    """Say who installed the app: the guild ("0": its id), "0" in the bot's own DM."""
    return {"0": str(record.channel.guild_id or 0)}


def reference(message: Message) -> Json:
    payload: Json = {
        "type": 0,
        "message_id": str(message.id),
        "channel_id": str(message.channel_id),
    }
    if message.guild_id is not None:
        payload["guild_id"] = str(message.guild_id)
    return payload


def everyone_role(guild: Guild) -> Json:
    return {
        "id": str(guild.id),
        "name": "@everyone",
        "description": None,
        "permissions": str(EVERYTHING),
        "position": 0,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": False,
        "mentionable": False,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }


def channel(record: Channel, bot_id: int) -> Json:
    """Give a channel in the shape of its kind: DM, thread, or guild text channel."""
    last = str(record.messages[-1].id) if record.messages else None
    shared: Json = {"id": str(record.id), "type": int(record.kind), "flags": 0}
    shared["last_message_id"] = last
    if record.is_dm:
        recipients = [user(record.recipient)] if record.recipient else []
        return {**shared, "recipients": recipients}
    shared |= {"guild_id": str(record.guild_id), "name": record.name}
    shared["parent_id"] = None if record.parent_id is None else str(record.parent_id)
    if record.is_thread:
        return {**shared, **_thread_part(record)}
    denied = {"id": str(bot_id), "type": 1, "allow": "0", "deny": str(record.denied)}
    return {
        **shared,
        "position": 0,
        "topic": None,
        "nsfw": False,
        "rate_limit_per_user": 0,
        "permission_overwrites": [denied] if record.denied else [],
    }


def _thread_part(record: Channel) -> Json:
    sent = sum(not message.is_ephemeral for message in record.messages)
    return {
        "owner_id": str(record.owner_id),
        "message_count": sent,
        "total_message_sent": sent,
        "member_count": 1,
        "rate_limit_per_user": 0,
        "thread_metadata": {
            "archived": record.is_archived,
            "locked": record.is_locked,
            "auto_archive_duration": 1440,
            "archive_timestamp": iso(record.created_at),
            "create_timestamp": iso(record.created_at),
        },
    }


def guild(record: Guild) -> Json:
    """Give a guild as REST and GUILD_CREATE share it."""
    return {
        "id": str(record.id),
        "name": record.name,
        "icon": None,
        "description": None,
        "home_header": None,
        "splash": None,
        "discovery_splash": None,
        "banner": None,
        "features": [],
        "owner_id": str(record.owner_id),
        "application_id": None,
        "region": "deprecated",
        "afk_channel_id": None,
        "afk_timeout": 300,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "widget_enabled": False,
        "widget_channel_id": None,
        "verification_level": 0,
        "default_message_notifications": 1,
        "mfa_level": 0,
        "explicit_content_filter": 0,
        "max_presences": None,
        "max_members": 500_000,
        "max_stage_video_channel_users": 50,
        "max_video_channel_users": 25,
        "vanity_url_code": None,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "preferred_locale": "en-US",
        "rules_channel_id": None,
        "safety_alerts_channel_id": None,
        "public_updates_channel_id": None,
        "premium_progress_bar_enabled": False,
        "nsfw": False,
        "nsfw_level": 0,
        "roles": [everyone_role(record)],
        "emojis": [],
        "stickers": [],
        "incidents_data": None,
        "latest_onboarding_question_id": None,
        "premium_progress_bar_enabled_user_updated_at": None,
    }


def webhook(record: Webhook, base_url: str) -> Json:
    return {
        "id": str(record.id),
        "type": 1,
        "name": record.name,
        "avatar": None,
        "channel_id": str(record.channel_id),
        "guild_id": None if record.guild_id is None else str(record.guild_id),
        "application_id": None,
        "token": record.token,
        "url": f"{base_url}/api/v10/webhooks/{record.id}/{record.token}",
        "user": user(record.creator),
    }
