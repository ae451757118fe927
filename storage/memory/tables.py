"""The rows of the in-memory store and how they are found; what is done to them is elsewhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from gateway.domain.approvals import Approval
from gateway.domain.audit import AuditEntry, AuditKind
from gateway.domain.bans import Ban
from gateway.domain.compute import Function
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Delivery, DeliveryState, NewDelivery
from gateway.domain.errands import Errand
from gateway.domain.handed import Handed
from gateway.domain.ids import (
    AgentId,
    ConversationId,
    DeliveryId,
    LaneId,
    PersonId,
    PlatformMessageId,
    RunId,
    SessionId,
    TurnId,
    WorkerId,
)
from gateway.domain.installations import Installation
from gateway.domain.leases import Lease
from gateway.domain.links import LinkOffer
from gateway.domain.memory import MemoryEdit
from gateway.domain.messages import InboundMessage
from gateway.domain.people import AgentBinding, Identity, Pairing, Person
from gateway.domain.schedules import PastSlot, Schedule
from gateway.domain.tools import ToolResult
from gateway.domain.turns import TurnRef, TurnState
from gateway.domain.usage import Spent
from gateway.errors import Fenced
from storage.rules import OPEN, MessageState, Standing
from storage.signals import Signals
from storage.task_rules import TaskRow


@dataclass(slots=True)
class MessageRow:
    """A stored message."""

    sequence: int
    message: InboundMessage
    person: PersonId
    lane: LaneId | None
    received_at: datetime
    state: MessageState
    turn: TurnId | None = None
    reply: DeliveryId | None = None


@dataclass(slots=True)
class MailboxRow:
    """A lane. `first_at` is the moment of its oldest waiting message, None when none waits."""

    lane: LaneId
    standing: Standing = Standing.IDLE
    ready_at: datetime | None = None
    first_at: datetime | None = None
    owner: WorkerId | None = None
    fence: int = 0
    lease_until: datetime | None = None
    turn: TurnId | None = None
    person: PersonId | None = None
    """Whose seat its turn takes while it is busy, or it waits for while it is parked."""


@dataclass(slots=True)
class TurnRow:
    """A turn, open or ended."""

    id: TurnId
    lane: LaneId
    person: PersonId
    conversation: Conversation
    started_at: datetime
    state: TurnState = TurnState.RUNNING
    attempt: int = 0
    ended_at: datetime | None = None
    error: str | None = None
    runs: list[RunId] = field(default_factory=list[RunId])
    tool_results: dict[str, ToolResult] = field(default_factory=dict[str, ToolResult])
    tool_intents: list[str] = field(default_factory=list[str])
    drafts: list[DeliveryId] = field(default_factory=list[DeliveryId])
    was_noticed: bool = False
    is_cancelled: bool = False
    answers: list[DeliveryId] = field(default_factory=list[DeliveryId])
    is_retained: bool = True


@dataclass(slots=True)
class DeliveryRow:
    """A stored delivery."""

    sequence: int
    new: NewDelivery
    created_at: datetime
    next_at: datetime
    revision: int = 1
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    receipt: PlatformMessageId | None = None
    error: str | None = None
    settled_at: datetime | None = None


@dataclass(slots=True)
class OutboxRow:
    """A conversation that has, or had, something to send."""

    conversation: Conversation
    standing: Standing = Standing.IDLE
    ready_at: datetime | None = None
    owner: WorkerId | None = None
    fence: int = 0
    lease_until: datetime | None = None


@dataclass(slots=True)
class PairingRow:
    """A wish to pair, and what the operator said."""

    pairing: Pairing
    is_allowed: bool | None = None


@dataclass(slots=True)
class LinkRow:
    """A code that was shown, and which account typed it."""

    offer: LinkOffer
    is_replaced: bool = False
    taken_by: Identity | None = None


@dataclass(slots=True)
class TokenRow:
    """A token; while `code_until` is there, the code for one."""

    id: str
    secret_hash: str
    account: Identity
    label: str
    made_at: datetime
    code_until: datetime | None


@dataclass(slots=True)
class FireRow:
    """A slot that came."""

    slot: PastSlot
    role: str
    message: str | None
    """The idempotency key of its wakeup."""
    person: PersonId | None
    """In whose name it came; None when a missed one was in nobody's."""

    @property
    def result(self) -> str | None:
        """What it came to."""
        return self.slot.result

    @result.setter
    def result(self, result: str) -> None:
        self.slot = replace(self.slot, result=result)


class Tables:
    """Everything that the store remembers."""

    def __init__(self) -> None:
        self.signals = Signals()
        self.messages: dict[str, MessageRow] = {}
        self.waiting: defaultdict[LaneId, list[MessageRow]] = defaultdict(list)
        self.mailboxes: dict[LaneId, MailboxRow] = {}
        self.turns: dict[TurnId, TurnRow] = {}
        self.turn_messages: dict[TurnId, list[MessageRow]] = {}
        self.deliveries: dict[DeliveryId, DeliveryRow] = {}
        self.posts: defaultdict[ConversationId, list[DeliveryRow]] = defaultdict(list)
        self.outboxes: dict[ConversationId, OutboxRow] = {}
        self.people: dict[PersonId, Person] = {}
        self.identities: dict[Identity, PersonId] = {}
        self.pairings: dict[str, PairingRow] = {}
        self.bans: dict[Identity, Ban] = {}
        self.links: dict[str, LinkRow] = {}
        self.link_tries: defaultdict[Identity, list[datetime]] = defaultdict(list)
        self.tokens: dict[str, TokenRow] = {}
        self.bindings: dict[tuple[PersonId, str], AgentBinding] = {}
        self.roles: set[str] = set()
        """All that anybody ever had a binding in: few, by which one person's are found."""
        self.sessions: dict[tuple[AgentId, ConversationId], SessionId] = {}
        self.threads: dict[tuple[AgentId, ConversationId], dict[int, SessionId]] = {}
        """The threads that there were, by the sequence of the message that began each."""
        self.schedules: dict[str, Schedule] = {}
        self.fires: dict[tuple[str, datetime], FireRow] = {}
        self.notes: dict[tuple[str, str], str] = {}
        self.passing_notes: dict[tuple[str, str], datetime] = {}
        """Those that are dropped with contents of this age."""
        self.leases: dict[str, Lease] = {}
        self.handed: dict[int, Handed] = {}
        self.handed_so_far = 0
        self.installations: dict[tuple[str, str], Installation] = {}
        self.install_states: dict[str, datetime] = {}
        self.approvals: dict[str, Approval] = {}
        self.errands: dict[str, Errand] = {}
        self.memory_edits: defaultdict[tuple[AgentId, str], list[MemoryEdit]] = defaultdict(list)
        self.functions: dict[tuple[str, str], Function] = {}
        self.tasks: dict[str, TaskRow] = {}
        self.usage: defaultdict[tuple[date, PersonId, str, str], Spent] = defaultdict(Spent)
        """By day, person, role and schedule."""
        self.audit: list[AuditEntry] = []
        self.audit_dropped = 0
        """How many entries retention took from its beginning."""

    def next_sequence(self) -> int:
        """Return the next place in the sequence that messages and deliveries share."""
        message = next(reversed(self.messages.values()), None)
        delivery = next(reversed(self.deliveries.values()), None)
        return 1 + max(row.sequence if row else 0 for row in (message, delivery))

    def log(
        self,
        kind: AuditKind,
        at: datetime | None,
        subject: str,
        ref: str,
        data: Mapping[str, object],
    ) -> None:
        """Write one line of the audit log."""
        sequence = self.audit_dropped + len(self.audit) + 1
        self.audit.append(AuditEntry(sequence, at, kind, subject, ref, data))

    def held(self, turn: TurnRef) -> MailboxRow:
        """Return the lane that this turn holds; raises Fenced."""
        mailbox = self.mailboxes.get(turn.lane)
        if (
            mailbox is None
            or mailbox.standing is not Standing.BUSY
            or mailbox.fence != turn.fence
            or mailbox.turn != turn.id
        ):
            raise Fenced(f'Turn "{turn.id}" with fence {turn.fence} does not hold its lane.')
        return mailbox

    def held_outbox(self, delivery: Delivery) -> OutboxRow:
        """Return the conversation that this claimed delivery holds; raises Fenced."""
        outbox = self.outboxes.get(delivery.conversation.id)
        if (
            outbox is None
            or outbox.standing is not Standing.BUSY
            or outbox.fence != delivery.fence
            or delivery.id not in self.deliveries
        ):
            raise Fenced(f'Delivery "{delivery.id}" with fence {delivery.fence} is not held.')
        return outbox

    def posted(self, deliveries: Iterable[DeliveryId]) -> list[DeliveryRow]:
        """Return those of the deliveries that were not dropped."""
        return [self.deliveries[each] for each in deliveries if each in self.deliveries]

    def drop_notes(self, subject: str) -> None:
        """Drop all notes on a subject."""
        for key in [key for key in self.notes if key[0] == subject]:
            self.drop_note(*key)

    def drop_note(self, subject: str, name: str) -> None:
        """Drop a note, if it is there."""
        self.notes.pop((subject, name), None)
        self.passing_notes.pop((subject, name), None)

    def head(self, conversation: ConversationId) -> DeliveryRow | None:
        """Return the first open delivery of the conversation."""
        return next((row for row in self.posts[conversation] if row.state in OPEN), None)
