"""What can be set on a server: who the bot is, how large, how strict. Read once at start."""

from dataclasses import dataclass, field
from typing import Final

from tests.fakes.patience import PATIENCE_SECONDS
from tests.platforms.discord_server.clock import Clock, SystemClock

MIB = 1024 * 1024
INTENT_MEMBERS: Final = 1 << 1
INTENT_PRESENCES: Final = 1 << 8
INTENT_MESSAGE_CONTENT: Final = 1 << 15
PRIVILEGED: Final = INTENT_MEMBERS | INTENT_PRESENCES | INTENT_MESSAGE_CONTENT


@dataclass(frozen=True, slots=True)
class ServerSettings:
    token: str = "bot-token-for-tests"
    bot_name: str = "postern"
    shards: int = 1
    """Recommended by GET /gateway/bot; a client may ask for any number."""

    allowed_privileged_intents: int = INTENT_MESSAGE_CONTENT
    """Switched on in the developer portal; asking for others closes with 4014."""

    nonce_window_seconds: float = 180.0
    """How long enforce_nonce remembers. Discord says "past few minutes" and no number."""

    heartbeat_interval_ms: int = 41_250
    resume_window_seconds: float = 90.0
    """How long a cut session can be resumed. Discord gives no number."""

    replay_limit: int = 10_000
    """Events that a cut session keeps for RESUME; older ones are gone and so is the session."""

    compress: bool = True
    """Honour compress=zlib-stream, as discord.py asks for."""

    file_limit_bytes: int = 10 * MIB
    request_limit_bytes: int = 25 * MIB
    interaction_answer_seconds: float = PATIENCE_SECONDS
    """Discord's own is 3; on a machine that is slow for a moment that would be a matter of luck."""

    interaction_token_seconds: float = 900.0
    attachment_url_seconds: float = 86_400.0
    old_edit_limit: int | None = None
    """Edits allowed on one message older than 1 h before 30046; Discord gives no number."""

    session_starts: int = 1000
    max_concurrency: int = 1
    clock: Clock = field(default_factory=SystemClock)
