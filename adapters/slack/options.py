"""What the Slack adapter is told by bootstrap."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from adapters.slack.places import HearsAll, nowhere
from gateway.domain.commands import CommandSpec
from gateway.domain.conversations import Conversation
from gateway.domain.people import Sender
from gateway.ports import Streaming

Admits = Callable[[Sender, Conversation], Awaitable[bool]]
"""Whether what somebody writes in a place is heard. Raises StoreUnavailable."""


async def anyone(sender: Sender, place: Conversation) -> bool:
    """Admit everybody."""
    return True


@dataclass(frozen=True, slots=True)
class OAuth:
    """What the app needs to be installed in many workspaces."""

    client_id: str
    client_secret: str = field(repr=False)
    state_secret: str = field(repr=False)
    """The key to the tokens at rest is made from it."""
    scopes: tuple[str, ...]
    authorize_url: str = "https://slack.com/oauth/v2/authorize"
    redirect_uri: str | None = None
    """Where Slack sends people back to; None leaves it to the app's own settings there."""


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of the Slack app; the defaults are for slack.com."""

    bot_token: str | None = field(default=None, repr=False)
    """xoxb-…; speaks for one workspace."""
    signing_secret: str | None = field(default=None, repr=False)
    """With it, signed requests to `POST /slack/events` are heard."""
    app_token: str | None = field(default=None, repr=False)
    """xapp-…; with it, Socket Mode connects."""
    oauth: OAuth | None = None
    """With it, workspaces install the app by themselves."""
    api_url: str = "https://slack.com/api"
    commands: tuple[CommandSpec, ...] = ()
    """The verbs of `/postern`; whether an answer is private is taken from here."""
    hears_reactions: bool = False
    """Whether a reaction to one of the app's messages in a DM reaches the agent."""
    prompts: tuple[str, ...] = ()
    """At most four suggestions, shown where somebody opens a fresh conversation."""
    streaming: Streaming = field(
        default_factory=lambda: Streaming(1.0, hold_seconds=1.0, shows_private=False)
    )
    """What only one person sees can not be edited: it is shown when it is whole."""
    history_lag_seconds: float = 5.0
    """A message may be missing in Slack's history for so long after it was posted."""
    catch_up_pause_seconds: float = 2.5
    """Between looks for what was missed: half of what Slack allows is left to deliveries."""
    repeats_seconds: float = 240.0
    """What was sent in a shorter outage comes again by itself: Slack tries for six minutes."""
    watch_seconds: float = 10.0
    """Between looks whether the app is connected."""
    call_timeout_seconds: float = 10.0
    name_timeout_seconds: float = 0.8
    """A sender's name is waited for so long; Slack wants its 200 within three seconds."""
    admits: Admits = anyone
    """Asked before files of somebody are taken in."""
    hears_all: HearsAll = nowhere
    """Where nobody has to mention the app."""
    attachment_bytes: int = 25_000_000
    """The largest file that is taken in."""
    attachment_types: tuple[str, ...] = ("*",)
    """Media types that are taken in, as patterns."""
    file_wait_seconds: float = 1.5
    """A message's files are waited for so long before Slack is asked to send it again."""
    file_seconds: float = 120.0
    """One file may take so long."""
    status: str = "is thinking…"
    status_delay_seconds: float = 0.4
    """An answer that is there sooner shows no status line."""
    status_refresh_seconds: float = 60.0
    """Slack takes the status line away after two minutes."""
    body_limit_bytes: int = 1_048_576
