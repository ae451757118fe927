"""What the audit log says of a thing beside its name: the same words in every store, no texts."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from datetime import datetime

from gateway import errors
from gateway.domain.approvals import Approval, Decision
from gateway.domain.bans import Ban
from gateway.domain.deliveries import Delivery, NewDelivery
from gateway.domain.errands import Errand
from gateway.domain.fires import SlotVerdict
from gateway.domain.ids import WorkerId
from gateway.domain.messages import Refusal
from gateway.domain.schedules import Fire
from gateway.domain.turns import Turn, TurnOutcome
from gateway.telemetry import Redactor
from gateway.text.storable import storable
from storage.rules import OPEN, Standpoint

Data = Mapping[str, object]

LONGEST_REASON = 300
"""Characters of a reason."""

_FORESEEN = frozenset(name for name, _ in inspect.getmembers(errors, inspect.isclass))
"""Errors whose sentences are ours. What others say may quote what somebody wrote."""
_REDACTOR = Redactor()


def reason_of(error: str) -> str:
    """Return what may be told of an error: our own sentence, or the kind of error alone."""
    kind, _, said = error.partition(":")
    if kind in _FORESEEN and said:
        line = storable(_REDACTOR.redact(error)).partition("\n")[0]
        return line if len(line) <= LONGEST_REASON else f"{line[: LONGEST_REASON - 1]}…"
    return kind if kind.isidentifier() else "unforeseen"


def of_ban(ban: Ban) -> Data:
    """Tell who turned an account away, and until when."""
    until = None if ban.until is None else ban.until.isoformat()
    return {"by": ban.by, "until": until, "silent": ban.is_silent}


def errand_changed(errand: Errand) -> Data:
    """Tell where an errand stands, and who asked whom for it."""
    return {"state": str(errand.state), "chain": list(errand.chain), "root": errand.root}


def slot_ended(verdict: SlotVerdict) -> Data:
    """Say what it came to, and with which post its owner is told; None for nobody."""
    return {
        "result": verdict.result,
        "failures": verdict.failures,
        "paused": verdict.is_pausing,
        "alert": verdict.alert.id if verdict.alert else None,
    }


def message_refused(refusal: Refusal, sequence: int) -> Data:
    """Say why, and what its sender gets instead."""
    data: dict[str, object] = {"sequence": sequence, "reason": refusal.reason}
    return data if refusal.reply is None else {**data, "reply": refusal.reply.id}


def turn_claimed(turn: Turn, worker: WorkerId, sequences: Sequence[int]) -> Data:
    """Say who has it, and which messages it is made of."""
    return {
        "fence": turn.ref.fence,
        "attempt": turn.attempt,
        "worker": worker,
        "messages": list(sequences),
        "keys": [message.idempotency_key for message in turn.messages],
    }


def turn_postponed(until: datetime, error: str, notice: NewDelivery | None) -> Data:
    """Say until when, why, and what the person is told meanwhile, if it is the first time."""
    data: dict[str, object] = {"until": until.isoformat(), "reason": reason_of(error)}
    return data if notice is None else {**data, "notice": notice.id}


def turn_ended(outcome: TurnOutcome, deliveries: Sequence[str]) -> Data:
    """Say how, with which deliveries, and why if not as it should."""
    data: dict[str, object] = {"state": str(outcome.state), "deliveries": list(deliveries)}
    return data if outcome.error is None else {**data, "reason": reason_of(outcome.error)}


def delivery_stored(new: NewDelivery, sequence: int) -> Data:
    """Say where it stands in the order, and whose answer it is a part of."""
    data: dict[str, object] = {"sequence": sequence, "is_draft": new.is_draft}
    return data if new.turn is None else {**data, "turn": new.turn}


def delivery_claimed(delivery: Delivery, worker: WorkerId) -> Data:
    """Say who has it, and which try this is."""
    return {
        "state": str(delivery.state),
        "attempt": delivery.attempts,
        "revision": delivery.revision,
        "fence": delivery.fence,
        "worker": worker,
    }


def delivery_settled(delivery: Delivery, stands: Standpoint) -> Data:
    """Say what became of the try; where it is not over, when the next one comes."""
    data: dict[str, object] = {
        "state": str(stands.state),
        "revision": delivery.revision,
        "receipt": stands.receipt,
    }
    if stands.error is not None:
        data["reason"] = reason_of(stands.error)
    if stands.state in OPEN:
        data["until"] = stands.next_at.isoformat()
    return data


def approval_asked(approval: Approval) -> Data:
    """Say which call waits for a yes, and how long."""
    return {
        "turn": approval.turn,
        "call": approval.call.id,
        "tool": approval.call.name,
        "until": approval.expires_at.isoformat(),
    }


def approval_decided(decision: Decision) -> Data:
    """Say how, and which message tells the agent."""
    return {"state": str(decision.state), "message": decision.news.idempotency_key}


def slot_came(fire: Fire) -> Data:
    """Say why it was missed, or which message woke the agent."""
    data: dict[str, object] = {"why": fire.why} if fire.why else {}
    return data if fire.message is None else {**data, "message": fire.message.idempotency_key}
