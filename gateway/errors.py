"""Every error that crosses a module's border, grouped by what the catcher can do.

PosternError
├── RetryLater              it did not happen; the same call may work later
│   ├── RateLimited         the other side said when
│   ├── RuntimeUnavailable  the agents' server is down, busy or failing
│   └── StoreUnavailable    the database is locked, full, read-only, gone, or behind
├── OutcomeUnknown          it may or may not have happened: look before repeating
├── Refused                 it will never happen; the sentence is for the person who asked
│   ├── BadInput            what was sent is not acceptable as it is
│   ├── DeliveryRefused     the platform will not show this message
│   └── RunFailed           the agent's run ended in an error of its own
├── SettingsWrong           the operator has to change something before it can work
└── Fenced                  somebody else owns this now: stop, change nothing
"""

from __future__ import annotations


class PosternError(Exception):
    """Base of all errors that Postern raises on purpose."""


class RetryLater(PosternError):
    """It did not happen; the same call may work later."""

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
        """How long the other side asked to wait; None when it did not say."""


class RateLimited(RetryLater):
    """The other side asked to wait `retry_after_seconds`."""


class RuntimeUnavailable(RetryLater):
    """The server where the agents live is down, busy, or failing."""


class StoreUnavailable(RetryLater):
    """The database is locked, full, read-only, gone, or behind with its work."""


class OutcomeUnknown(PosternError):
    """The call was made and its answer was not seen: look before repeating it."""


class Refused(PosternError):
    """It will never happen; the message is a sentence for the person who asked."""


class BadInput(Refused):
    """What was sent is not acceptable as it is."""


class DeliveryRefused(Refused):
    """The platform will never show this message."""


class RunFailed(Refused):
    """The agent's run ended in an error of its own; `kind` is the runtime's word for it."""

    def __init__(self, message: str, *, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class SettingsWrong(PosternError):
    """The operator has to change a setting, a file or a machine before it can work."""


class Fenced(PosternError):
    """Somebody else owns this now: stop, and change nothing."""
