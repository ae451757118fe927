"""What the Slack adapter is told by bootstrap."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.domain.commands import CommandSpec
from gateway.ports import Streaming


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of the Slack app; the defaults are for slack.com."""

    bot_token: str
    """xoxb-…; speaks for one workspace."""
    signing_secret: str | None = None
    """With it, signed requests to `POST /slack/events` are heard."""
    app_token: str | None = None
    """xapp-…; with it, Socket Mode connects."""
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
    call_timeout_seconds: float = 10.0
    name_timeout_seconds: float = 0.8
    """A sender's name is waited for so long; Slack wants its 200 within three seconds."""
    status: str = "is thinking…"
    status_delay_seconds: float = 0.4
    """An answer that is there sooner shows no status line."""
    status_refresh_seconds: float = 60.0
    """Slack takes the status line away after two minutes."""
    body_limit_bytes: int = 1_048_576
