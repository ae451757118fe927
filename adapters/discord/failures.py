"""What discord.py and the network raise → what the hub understands."""

from __future__ import annotations

from http import HTTPStatus

import aiohttp
import discord

from gateway.errors import (
    DeliveryRefused,
    OutcomeUnknown,
    PosternError,
    RateLimited,
    RetryLater,
)

UNKNOWN_CHANNEL = 10003
UNKNOWN_MESSAGE = 10008
UNKNOWN_WEBHOOK = 10015
"""Also said of an interaction that was not answered yet."""
OLD_EDITS_USED_UP = 30046
FOREIGN_MESSAGE = 50005
INVALID_TOKEN = 50027
"""An interaction's 15 minutes are over."""
INVALID_BODY = 50035
THREAD_EXISTS = 160004

_REASONS = {
    UNKNOWN_CHANNEL: "The channel is gone, or the bot was never in it.",
    UNKNOWN_MESSAGE: "The message is gone.",
    UNKNOWN_WEBHOOK: "The interaction was never answered, or is over.",
    OLD_EDITS_USED_UP: "Discord takes no more edits of a message this old.",
    50001: "The bot may not see the channel: it needs the permission View Channel.",
    FOREIGN_MESSAGE: "Discord does not let the bot edit this message.",
    50007: "This person takes no direct messages from the bot.",
    50013: "The bot may not write here: it needs the permission Send Messages "
    "(in threads: Send Messages in Threads; for files: Attach Files).",
    INVALID_TOKEN: "The interaction's 15 minutes are over.",
    50083: "The thread is archived and locked.",
}
"""By Discord's JSON error codes ("Opcodes and Status Codes", developer reference)."""

NOT_PERMITTED = (50001, 50013)
"""The bot may not see the channel, or not write there."""

NETWORK_ERRORS = (OSError, aiohttp.ClientError, TimeoutError)


class DiscordRefused(DeliveryRefused):
    """Discord said no, for good."""

    def __init__(self, message: str, *, code: int) -> None:
        super().__init__(message)
        self.code = code
        """Discord's JSON error code; 0 when it gave none."""

    @property
    def reason(self) -> str:
        """What people can make of it; empty where only Discord's own words are known."""
        return reason_of(self.code)


def reason_of(code: int) -> str:
    """Return what people can make of Discord's code; empty for one that is not known here."""
    return _REASONS.get(code, "")


def translate(error: Exception, *, is_repeatable: bool) -> PosternError:
    """Say what a failed call means; `is_repeatable` when doing it twice does no harm."""
    match error:
        case discord.RateLimited():
            return _rate_limited(error.retry_after)
        case discord.HTTPException():
            return _of_answer(error, is_repeatable=is_repeatable)
        case aiohttp.ClientConnectorError():
            return RetryLater("Discord could not be reached.")
        case _ if is_repeatable:
            return RetryLater(f"Discord's answer was lost ({type(error).__name__}).")
        case _:
            return OutcomeUnknown(f"Discord's answer was lost ({type(error).__name__}).")


def _of_answer(error: discord.HTTPException, *, is_repeatable: bool) -> PosternError:
    said = f"Discord answered {error.status} ({error.code}): {error.text}"
    if error.code in _REASONS:
        return DiscordRefused(f"{_REASONS[error.code]} {said}", code=error.code)
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return RetryLater(said) if is_repeatable else OutcomeUnknown(said)
    if error.status == HTTPStatus.TOO_MANY_REQUESTS:
        return _rate_limited(_retry_after(error))
    if error.status == HTTPStatus.UNAUTHORIZED:
        return RetryLater(f"{said} Check discord.token.", retry_after_seconds=60)
    return DiscordRefused(said, code=error.code)


def _rate_limited(seconds: float) -> RateLimited:
    return RateLimited(
        f"Discord asked to wait {seconds:.1f} s before the next call.", retry_after_seconds=seconds
    )


def _retry_after(error: discord.HTTPException) -> float:
    try:
        return float(error.response.headers.get("Retry-After", 1))
    except ValueError:
        return 1.0
