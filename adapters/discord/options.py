"""What the Discord adapter is told; bootstrap fills it from the settings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.approvals import Approval
from gateway.domain.commands import CommandSpec
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Delivery
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Sender
from gateway.ports import ArtifactStore, Health

DISCORD_API = "https://discord.com/api/v10"

NewestEvents = Callable[[], Awaitable[Sequence[tuple[Conversation, str]]]]
"""Returns, of every conversation that Discord messages were stored from, the newest event id.

What was sent after it is fetched whenever a session begins anew, so it must be the newest that
is stored of those ids that are plain numbers (message ids); others are passed over. Several
rows for one conversation are fine. May raise StoreUnavailable: it is asked again.
"""


Admits = Callable[[Sender, Conversation], Awaitable[bool]]
"""Whether what somebody writes in a place is heard.

May raise StoreUnavailable: it is asked again.
"""

NoteRefusal = Callable[[InboundMessage, str], Awaitable[None]]
"""Writes into the audit log that something was turned away, and why. May raise StoreUnavailable."""

HeardOwn = Callable[[Conversation, str], Awaitable[None]]
"""Told the nonce of each message that the bot posts; told again after StoreUnavailable."""

FindApproval = Callable[[str], Awaitable[Approval | None]]
"""Returns an approval by its id, as it stands. May raise StoreUnavailable."""

FindDelivery = Callable[[int], Awaitable[Delivery | None]]
"""Returns a delivery by its number, as it stands. May raise StoreUnavailable."""

AskHealth = Callable[[], Awaitable[Health]]
"""How the agents are. Never raises."""


async def anyone(sender: Sender, place: Conversation) -> bool:
    """Admit everyone: whoever stores the message decides again."""
    return True


HearsAll = Callable[[Conversation], bool]
"""Whether everything that is written in a channel is said to the bot."""


def nowhere(place: Conversation) -> bool:
    """Hear what mentions the bot alone."""
    return False


class BotPolicy(StrEnum):
    """Which messages of other bots and webhooks are heard. The bot itself never is."""

    NONE = "none"
    MENTIONS = "mentions"
    """Those that mention the bot or reply to it."""
    ALL = "all"
    """As people's are."""


class ReactionPolicy(StrEnum):
    """Which reactions are heard."""

    OFF = "off"
    OWN = "own"
    """Those on the bot's own messages."""
    ALL = "all"
    """Those on every message of a DM or a followed thread too."""


@dataclass(frozen=True, slots=True)
class DiscordOptions:
    """Settings of one Discord application."""

    token: str
    newest_events: NewestEvents
    admits: Admits = anyone
    """Asked before anything is done for a sender that others could see or that costs room."""
    hears_all: HearsAll = nowhere
    """Where nobody has to mention the bot."""
    artifacts: ArtifactStore | None = None
    """Where files that come with messages are kept, and those that go out are found.

    Without it, as in a process that only listens, files are named and not taken in.
    """
    find_approval: FindApproval | None = None
    """Without it questions about tool calls are shown without a card."""
    find_delivery: FindDelivery | None = None
    """Without it forms on canvases can't be opened."""
    note_refusal: NoteRefusal | None = None
    heard_own: HeardOwn | None = None
    agents_health: AskHealth | None = None
    """Asked now and then, so that the bot's presence shows when agents can't be reached."""
    application_id: str | None = None
    """Asked from Discord when None."""
    has_gateway: bool = True
    """Whether this process holds the gateway connection; without it only REST is used."""
    api_url: str = DISCORD_API
    gateway_url: str | None = None
    """Asked from the API when None."""
    commands: tuple[CommandSpec, ...] = ()
    wants_content: bool = True
    """Ask for the message-content intent; Discord's refusal is taken, and told in `health`."""
    bots: BotPolicy = BotPolicy.NONE
    bot_turns: int = 5
    """Messages of bots in a row in one channel before they go unheard until a person writes."""
    reactions: ReactionPolicy = ReactionPolicy.OFF
    threads_on_mention: bool = False
    """Answer a mention in a guild's channel in a thread of its own.

    The thread is opened before the message is stored in it: opened after that, a
    crash in between would leave an answer without a place.
    """
    max_parts: int = 8
    """Messages of one answer; what is left over comes as a file with the last of them."""
    stream_interval_seconds: float = 1.2
    """Discord takes 5 edits in 5 s in a channel; this leaves room for the final one."""
    stream_hold_seconds: float = 0.5
    typing_after_seconds: float = 0.5
    """An answer that is quicker than this shows no typing."""
    requests_per_second: float = 41.0
    """All our REST calls together; Discord allows a bot 50.

    With a burst of 4 this leaves room for five calls that a stall in between lets
    arrive closer to the next ones than they left.
    """
    request_timeout_seconds: float = 60.0
    guilds_seconds: float = 2.0
    """How long discord.py waits for one more server before it calls itself ready. We do not."""
    heartbeat_timeout_seconds: float = 60.0
    """A gateway connection on which nothing came for this long is dead: a new one resumes."""
    attachment_bytes: int = 25_000_000
    """The largest file that is taken in."""
    attachment_types: tuple[str, ...] = ("*",)
    """Media types that are taken in; `image/*` stands for all images."""
    download_seconds: float = 20.0
    """What all files of one message may take together; those not there by then are left out."""
    health_seconds: float = 15.0
    """Between two looks at how the agents are."""
    nonce_window_seconds: float = 120.0
    """How long a repeat with the same nonce surely finds the first; Discord: "a few minutes"."""
    identify_pause_seconds: float = 5.0
    """Between two sessions that begin on the same shard; Discord's rule."""
    backfills_at_once: int = 8
    waiting_limit: int = 1_000
    """Events of one channel that wait in memory; more are fetched again when there is room."""
    retry_seconds: float = 1.0
    """First wait after the store or Discord could not be reached; it doubles up to a minute."""
