"""What the world tells the gateway: one event, and who may receive it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntFlag

from tests.platforms.discord_server.wire import Json


class Intent(IntFlag):
    """Gateway intents; the number of each is from Discord's reference, "Gateway Intents"."""

    NONE = 0
    GUILDS = 1 << 0
    GUILD_MESSAGES = 1 << 9
    GUILD_REACTIONS = 1 << 10
    GUILD_TYPING = 1 << 11
    DM_MESSAGES = 1 << 12
    DM_REACTIONS = 1 << 13
    DM_TYPING = 1 << 14
    MESSAGE_CONTENT = 1 << 15


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    data: Json
    guild_id: int | None
    intent: Intent = Intent.NONE
    """The intent without which a session does not get it; NONE: everybody does."""

    has_private_content: bool = False
    """True: content is blanked for sessions without the message content intent."""


Listener = Callable[[Event], None]

CONTENT_FIELDS: Json = {"content": "", "embeds": [], "attachments": [], "components": []}


def without_content(data: Json) -> Json:
    """Blank what the message content intent guards, as Discord does."""
    return {**data, **{name: value for name, value in CONTENT_FIELDS.items() if name in data}}
