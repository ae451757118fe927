"""Payloads as Discord's reference shows them, to be varied by tests."""

from typing import Any

from adapters.discord.payloads import Interaction, Message

BOT = "80351110224678912"
ADA = "53908099506183680"
MESSAGE = "334385199974967042"
CHANNEL = "290926798999357250"
GUILD = "278325129692446722"

_ADA = {"id": ADA, "username": "ada", "global_name": "Ada", "discriminator": "0", "avatar": "a_ba"}
_BOT = {"id": BOT, "username": "postern", "global_name": None, "bot": True}


def message(**fields: Any) -> Message:
    """Make the reference's example message ("Message Object"), with these fields instead."""
    return Message.model_validate(
        {
            "reactions": [{"count": 1, "me": False, "emoji": {"id": None, "name": "🔥"}}],
            "attachments": [],
            "tts": False,
            "embeds": [],
            "timestamp": "2017-07-11T17:27:07.299000+00:00",
            "mention_everyone": False,
            "id": MESSAGE,
            "pinned": False,
            "edited_timestamp": None,
            "author": _ADA,
            "mention_roles": [],
            "mention_channels": [],
            "content": "Supa Hot",
            "channel_id": CHANNEL,
            "mentions": [],
            "type": 0,
        }
        | fields
    )


def mentioned(text: str, **fields: Any) -> Message:
    """Make a message that mentions the bot."""
    return message(content=text, mentions=[_BOT], **fields)


def interaction(**fields: Any) -> Interaction:
    """Make the reference's example of a slash command ("Interaction Object")."""
    return Interaction.model_validate(
        {
            "type": 2,
            "token": "A_UNIQUE_TOKEN",
            "member": {
                "user": _ADA,
                "roles": ["539082325061836999"],
                "premium_since": None,
                "permissions": "2147483647",
                "pending": False,
                "nick": None,
                "joined_at": "2017-03-13T19:19:14.040000+00:00",
            },
            "id": "786008729715212338",
            "application_id": "775799577604522054",
            "guild_id": GUILD,
            "guild_locale": "en-US",
            "locale": "en-US",
            "context": 0,
            "data": {
                "options": [{"type": 3, "name": "when", "value": "tomorrow"}],
                "type": 1,
                "name": "remind",
                "id": "771825006014889984",
            },
            "channel_id": CHANNEL,
            "channel": {"id": CHANNEL, "type": 0, "guild_id": GUILD},
        }
        | fields
    )
