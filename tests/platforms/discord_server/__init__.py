"""A Discord for tests: REST v10 and Gateway v10 on loopback, that refuses what Discord refuses.

    async with DiscordServer() as server:
        ada = server.person("ada")
        ada.dm("hello")
        await ada.hears("hi")

Shapes follow Discord's published OpenAPI description and reference. `README.md` beside this
file shows how to drive it.
"""

from tests.platforms.discord_server.clock import Clock, ManualClock, SystemClock
from tests.platforms.discord_server.people import Person, shown_text
from tests.platforms.discord_server.records import (
    Attachment,
    Channel,
    Guild,
    Interaction,
    Message,
    MessageFlag,
    Permission,
    Revision,
    User,
)
from tests.platforms.discord_server.server import DiscordServer
from tests.platforms.discord_server.settings import ServerSettings
from tests.platforms.discord_server.signer import Signature, SignedAnswer
from tests.platforms.discord_server.state import Upload

__all__ = [
    "Attachment",
    "Channel",
    "Clock",
    "DiscordServer",
    "Guild",
    "Interaction",
    "ManualClock",
    "Message",
    "MessageFlag",
    "Permission",
    "Person",
    "Revision",
    "ServerSettings",
    "Signature",
    "SignedAnswer",
    "SystemClock",
    "Upload",
    "User",
    "shown_text",
]
