"""Decides what a failed call to Slack means: pure, from its status and error code.

Codes: the error tables of docs.slack.dev/reference/methods.
"""

from __future__ import annotations

from gateway.errors import DeliveryRefused, OutcomeUnknown, PosternError, RateLimited, RetryLater

RETRY_AFTER_SECONDS = 30.0
"""When Slack limits the rate without saying for how long."""

_PASSES = frozenset(
    {
        "accesslimited",
        "request_timeout",
        "service_unavailable",
        "team_added_to_org",
        "token_expired",
    }
)
"""Nothing was carried out, and a later call may work."""

_PERHAPS_DONE = frozenset({"fatal_error", "internal_error"})
"""Slack says of these that some aspect of the operation may have succeeded."""

_LIMITED = frozenset({"rate_limited", "ratelimited"})

_SENTENCES = {
    "account_inactive": "the app was taken out of the workspace",
    "channel_not_found": "the channel is not there, or hidden from the app",
    "is_archived": "the channel is archived",
    "missing_scope": "the app lacks a scope",
    "msg_too_long": "the message is too long",
    "not_in_channel": "the app is not in the channel",
    "token_revoked": "the app's token was revoked",
}


class SlackRefused(DeliveryRefused):
    """Slack answered `ok: false`; `code` is its word for the reason."""

    def __init__(self, method: str, code: str) -> None:
        said = _SENTENCES.get(code)
        super().__init__(f'Slack refused {method}: "{code}"' + (f" ({said})." if said else "."))
        self.code = code


def failure_of(
    method: str, status: int, code: str | None, retry_after: str | None, *, is_write: bool
) -> PosternError:
    """Return the error that a call which ended with this status and code stands for."""
    if status == 429 or code in _LIMITED:
        seconds = _seconds(retry_after)
        return RateLimited(
            f"Slack asked to wait {seconds:g} s before the next {method}.",
            retry_after_seconds=seconds,
        )
    if code in _PASSES:
        return RetryLater(f'Slack can not carry out {method} now: "{code}".')
    if code is not None and code not in _PERHAPS_DONE:
        return SlackRefused(method, code)
    what = f'Slack failed at {method} (HTTP {status}, "{code or "no answer"}").'
    return OutcomeUnknown(what) if is_write else RetryLater(what)


def _seconds(retry_after: str | None) -> float:
    try:
        return max(0.0, float(retry_after or RETRY_AFTER_SECONDS))
    except ValueError:
        return RETRY_AFTER_SECONDS
