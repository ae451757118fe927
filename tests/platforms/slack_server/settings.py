"""What a test may choose about this Slack; every field may also be changed while it runs."""

from dataclasses import dataclass, field

from tests.fakes.patience import PATIENCE_SECONDS

BOT_SCOPES = frozenset(
    {
        "app_mentions:read",
        "assistant:write",
        "channels:history",
        "channels:join",
        "channels:read",
        "chat:write",
        "commands",
        "files:read",
        "files:write",
        "groups:history",
        "groups:read",
        "im:history",
        "im:read",
        "im:write",
        "mpim:history",
        "mpim:read",
        "reactions:read",
        "reactions:write",
        "team:read",
        "users:read",
        "users:read.email",
    }
)


@dataclass(slots=True)
class SlackSettings:
    """The defaults are Slack's own figures, where it publishes them.

    But the three seconds that it waits for an app: kept in real time, they would be
    a matter of luck on a machine that is slow for a moment.
    """

    ack_timeout_seconds: float = PATIENCE_SECONDS
    # One entry per retry of an event that got no 2xx in time. Real time.
    retry_delays_seconds: tuple[float, ...] = (0.0, 60.0, 300.0)
    # First attempts of one channel's events wait for each other. Slack promises no order:
    # see Faults.swap_events.
    ordered_per_channel: bool = True
    # Event types to send ("message.im", "app_mention", ...); None sends all.
    subscriptions: frozenset[str] | None = None
    scopes: frozenset[str] = field(default=BOT_SCOPES)
    rate_limits: bool = False
    trigger_seconds: float = PATIENCE_SECONDS
    response_url_seconds: float = 1800.0
    response_url_uses: int = 5
    # A message shows up in history and replies only so long after it was posted (Slack's clock).
    history_lag_seconds: float = 0.0
    # A page of a channel's history is no longer than this: Slack gives some apps 15 at a time.
    longest_page: int = 1_000
    # A stream ends when nothing was appended for this long. Slack publishes no figure.
    stream_idle_seconds: float = 300.0
    # A stream ends this long after its start, however busy; None means never.
    stream_seconds: float | None = None
    status_seconds: float = 120.0
    token_rotation: bool = False
    token_seconds: float = 43_200.0
    max_connections: int = 10
