"""What goes out: one message on one platform, from its first sign to its receipt."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from gateway.domain.artifacts import Attachment
from gateway.domain.canvases import Canvas
from gateway.domain.conversations import Conversation
from gateway.domain.ids import DeliveryId, PlatformMessageId, TurnId

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGEST_BYTES, _NUMBER_BYTES, _NONCE_CHARACTERS = 10, 6, 22
LONGEST_LABEL = 75
"""Characters of a button's label: what the narrowest platform shows."""
LONGEST_SAYING = 80
"""Characters of what a button says: what the narrowest platform carries."""
MOST_BUTTONS = 25
"""Of one message."""


class DeliveryState(StrEnum):
    """Where a delivery stands. `sent` and `failed` are ends, until a new revision."""

    PENDING = "pending"
    SENDING = "sending"
    """Stored before the call to the platform, so that a crash leaves a trace."""
    UNKNOWN = "unknown"
    """The call was made and its outcome was not seen: ask the platform before a repeat."""
    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"
    """Failed, and the operator let it go."""


class ButtonStyle(StrEnum):
    """How a button looks."""

    PLAIN = "plain"
    GOOD = "good"
    DANGER = "danger"


@dataclass(frozen=True, slots=True)
class Button:
    """Something that can be pressed instead of typed. Pressing gives no right that typing lacks."""

    label: str
    """At most LONGEST_LABEL characters."""
    says: str
    """What its presser says by it: `/approve a1b2`, or words for their agent.

    At most LONGEST_SAYING characters.
    """
    style: ButtonStyle = ButtonStyle.PLAIN


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """One outbound message, not yet sent."""

    id: DeliveryId
    conversation: Conversation
    text: str
    """Markdown as the agent wrote it. Empty takes back what was shown before."""
    turn: TurnId | None = None
    index: int = 0
    """Its place among the deliveries of its turn."""
    is_draft: bool = False
    """True while the agent still speaks: the text will be replaced when the turn ends."""
    handle: str | None = None
    """The platform's own way to answer the event that this replies to; it expires."""
    is_private: bool = False
    """Whether only the person who is answered may see it."""
    buttons: tuple[Button, ...] = ()
    files: tuple[Attachment, ...] = ()
    """Sent with the first post; an edit leaves them as they are."""
    canvas: Canvas | None = None
    """Shown instead of text and buttons, which say the same, where the platform can."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A stored delivery, claimed for sending in the order of its conversation.

    The platform is brought to `revision`: by a post when it shows nothing yet,
    by an edit of the same message when `receipt` is known.
    """

    id: DeliveryId
    conversation: Conversation
    text: str
    revision: int
    """Counts the texts it had; the outbox sends the newest."""
    state: DeliveryState
    """SENDING when claimed to be sent; UNKNOWN when an earlier try must be resolved first."""
    attempts: int
    """Tries so far, this one included."""
    fence: int
    """Proves the right to settle it; an old one changes nothing."""
    created_at: datetime
    receipt: PlatformMessageId | None = None
    turn: TurnId | None = None
    index: int = 0
    is_draft: bool = False
    handle: str | None = None
    is_private: bool = False
    buttons: tuple[Button, ...] = ()
    """Those to be shown now: an edit without any takes them away."""
    files: tuple[Attachment, ...] = ()
    canvas: Canvas | None = None
    number: int = 0
    """Its store's number for it, by which it is found again; 0 for one that is in no store."""
    ending: str = ""
    """What an earlier try may have shown below its text, for whoever looks for one by its text."""

    @property
    def nonce(self) -> str:
        """22 characters: the same for every repeat of this post, and no other post's.

        Ids are counted within a database; its moment tells a delivery from that of another
        one, or of a part of this one's history that was lost. Its number can be read back
        (`number_in`); it comes last, so that a beginning of the nonce tells posts apart too.
        """
        made = f"{self.id} {(self.created_at - _EPOCH) // timedelta(microseconds=1)}"
        digest = hashlib.blake2b(made.encode(), digest_size=_DIGEST_BYTES).digest()
        raw = digest + self.number.to_bytes(_NUMBER_BYTES)
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def number_in(nonce: str) -> int | None:
    """Return the number of the delivery that has this nonce; None if no Postern made it.

    Other programs' nonces are decimal numbers, discord.py's for one.
    """
    if len(nonce) != _NONCE_CHARACTERS or nonce.isdecimal():
        return None
    try:
        raw = base64.b64decode(f"{nonce}==", altchars=b"-_", validate=True)
    except ValueError:
        return None
    return int.from_bytes(raw[_DIGEST_BYTES:])


@dataclass(frozen=True, slots=True)
class DeliveryClaim:
    """What a claim brought, and when it is worth asking again without a signal."""

    deliveries: tuple[Delivery, ...]
    next_ready_at: datetime | None


@dataclass(frozen=True, slots=True)
class Sent:
    """The platform has it; `receipt` is its id there (empty text: it is gone there)."""

    receipt: PlatformMessageId


@dataclass(frozen=True, slots=True)
class SendLater:
    """The platform surely does not have it; try again at `at`."""

    at: datetime
    error: str


@dataclass(frozen=True, slots=True)
class SendUnknown:
    """It may or may not be there; ask the platform at `at`."""

    at: datetime
    error: str


@dataclass(frozen=True, slots=True)
class SendFailed:
    """It will never be there; the reason is kept and shown to the operator."""

    error: str


SendOutcome = Sent | SendLater | SendUnknown | SendFailed
