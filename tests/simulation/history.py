"""Holds what was seen to the promises: some at every post and run, the rest when all is over."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from gateway.domain.audit import AuditEntry, AuditKind
from gateway.domain.deliveries import Delivery, DeliveryState
from gateway.domain.ids import LaneId, PersonId
from gateway.domain.messages import MessageKind
from gateway.domain.turns import InputMessage, RunRequest
from gateway.freshness import label_of
from gateway.outbox import MAY_BE_A_REPEAT
from storage.seats import owner_of
from tests.fakes.rebuilt import Rebuilt
from tests.fakes.virtual_time import EPOCH
from tests.simulation.cancelling import check_cancelled
from tests.simulation.minds import tokens_in
from tests.simulation.people import STRANGER, Event
from tests.simulation.platforms import Kind, Post
from tests.simulation.worker import PER_PERSON, TEAM

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation


# -- at every step -------------------------------------------------------------------------------


def check_post(sim: Simulation, post: Post) -> None:
    """A post that has just become visible: no silent repeat, no stranger's words."""
    plain = [p for p in sim.platforms[_kind(post)].with_nonce(post.nonce) if not p.is_labelled]
    if len(plain) > 1:
        sim.broken("P3", f"{post.text[:40]!r} is seen {len(plain)} times and says nothing of it")
    owners = _owners(sim)
    for token in tokens_in(post.text):
        if owners.get(token, post.conversation.id) != post.conversation.id:
            sim.broken("P9", f"{token} is shown in {post.conversation.id}")


def check_run(sim: Simulation, request: RunRequest) -> None:
    """A run that has just begun: heard once, alone in its lane, with its own people's words."""
    if sim.minds.overlaps:
        sim.broken("P4", f"two runs at once in {sim.minds.overlaps}")
        sim.minds.overlaps.clear()
    others = sim.minds.requests[:-1]
    if request.otid in {other.otid for other in others}:
        sim.broken("P5", f"the round {request.otid} ran again")
    new = {item.otid for item in request.input if isinstance(item, InputMessage)}
    old = {i.otid for other in others for i in other.input if isinstance(i, InputMessage)}
    for otid in new & old:
        sim.broken("P2", f"the message {otid} was heard again")
    _check_isolation(sim, request)
    if len(set(made := [(p, r) for p, r, _ in sim.minds.created])) < len(made):
        sim.broken("P6", f"an agent was made twice: {sim.minds.created}")


def _check_isolation(sim: Simulation, request: RunRequest) -> None:
    agents = {agent: (person, role) for person, role, agent in sim.minds.created}
    _, role = agents[request.session.agent]
    heard = {token.partition(".")[0] for item in request.input for token in tokens_in(item.text)}
    if STRANGER in heard:
        sim.broken("P10", "an agent heard a stranger")
    if role == TEAM.role:
        return
    known = sim.confidants.setdefault(request.session.agent, set())
    known |= heard
    if len(known) > 1:
        sim.broken("P9", f"{request.session.agent} heard {sorted(known)}")


# -- when all is over ----------------------------------------------------------------------------


async def check_history(sim: Simulation) -> None:
    """Compare what people did and saw with what the store, its log and the agents say."""
    log = await sim.raw.history.audit(0, 1_000_000)
    ledger = Ledger(sim, log)
    await ledger.read_deliveries()
    ledger.check_acknowledged()
    ledger.check_answers()
    ledger.check_deliveries()
    ledger.check_order()
    ledger.check_slots(log)
    ledger.check_log()
    check_cancelled(sim, log)
    check_seats(sim, log)
    check_tools(sim, log)
    check_approvals(sim, log)


class Ledger:
    """The audit log of a history, beside what the world saw of it."""

    def __init__(self, sim: Simulation, log: list[AuditEntry]) -> None:
        self._sim = sim
        self._log = Rebuilt()
        self._revised = {e.ref for e in log if e.kind is AuditKind.MESSAGE_REVISED}
        for entry in log:
            self._log.read(entry)
        self._stored: dict[str, Delivery] = {}
        self._turn_of = {
            self._log.sequences[sequence]: turn
            for turn, sequences in self._log.composition.items()
            for sequence in sequences
        }
        heard = [token for text in _texts_heard(sim) for token in tokens_in(text)]
        self._heard = Counter(heard)

    async def read_deliveries(self) -> None:
        """Read where the deliveries of the log stand in the store."""
        for name in self._log.deliveries:
            delivery = await self._sim.raw.deliveries.get(name)
            if delivery is None:
                self._sim.broken("P12", f"the log has {name}, and the store does not")
            else:
                self._stored[name] = delivery

    def check_acknowledged(self) -> None:
        """P1: what was acknowledged is in the store, and what is in the store was heard."""
        for event in self._sim.events:
            key = event.message.idempotency_key
            if key not in self._sim.acknowledged:
                self._sim.broken("P8", f"{key} could never be delivered")
            elif not self._is_stored(event):
                self._sim.broken("P1", f"{key} was acknowledged and is lost")

    def _is_stored(self, event: Event) -> bool:
        message = event.message
        if message.kind is MessageKind.DELETE:
            return True
        if message.kind is MessageKind.EDIT and self._target(event) in self._revised:
            return True
        return message.idempotency_key in self._log.messages

    def _target(self, event: Event) -> str:
        message = event.message
        place = message.conversation
        return f"{place.platform}:{place.workspace}:{message.target}"

    def check_answers(self) -> None:
        """P2, P8: every message was heard once, and answered or explained."""
        for event in self._sim.events:
            self._check_heard(event)
            key = event.message.idempotency_key
            if self._log.messages.get(key) != "accepted":
                continue
            turn = self._turn_of.get(key)
            if turn is None:
                self._sim.broken("P8", f"{key} was accepted and never taken up")
            elif self._log.turns[turn][0] == "running":
                self._sim.broken("P8", f"{turn} never ended")
            elif self._log.turns[turn][0] == "done":
                self._check_shown(event, turn)

    def _check_heard(self, event: Event) -> None:
        if not event.token:
            return
        key, count = event.message.idempotency_key, self._heard[event.token]
        state = self._log.messages.get(key)
        replaced = key in self._revised
        if count > 1:
            self._sim.broken("P2", f"{event.token} was heard {count} times")
        turn = self._log.turns.get(self._turn_of.get(key, ""), ("", 0))[0]
        if state == "accepted" and not replaced and count == 0 and turn == "done":
            self._sim.broken("P1", f"{event.token} was answered without being heard")
        if state in {"refused", "withdrawn"} and count:
            self._sim.broken("P10", f"{event.token} was {state}, and heard")

    def _check_shown(self, event: Event, turn: str) -> None:
        """The answer to a message names it, once, in its conversation."""
        answers = [self._stored[name] for name in self._log.answers[turn] if name in self._stored]
        if event.message.kind is MessageKind.COMMAND and not answers:
            self._sim.broken("P8", f"the command {event.message.event_id} has no answer")
        if not event.token or event.message.idempotency_key in self._revised:
            return
        if any(answer.state is DeliveryState.FAILED for answer in answers):
            return
        place = event.message.conversation
        posts = self._sim.platforms[Kind(place.platform)].visible(place)
        plain = [p for p in posts if event.token in tokens_in(p.text) and not p.is_labelled]
        labelled = [p for p in posts if event.token in tokens_in(p.text) and p.is_labelled]
        if not plain and not labelled:
            self._sim.broken("P3", f"the answer to {event.token} is not to be seen")
        if len(plain) > 1:
            self._sim.broken("P3", f"the answer to {event.token} is to be seen {len(plain)} times")

    def check_deliveries(self) -> None:
        """P3: what the store calls sent stands there, once, as it was meant."""
        for delivery in self._stored.values():
            if delivery.state is DeliveryState.FAILED:
                continue
            if delivery.state is not DeliveryState.SENT:
                self._sim.broken("P8", f"{delivery.id} is {delivery.state} for ever")
                continue
            kind = Kind(delivery.conversation.platform)
            posts = self._sim.platforms[kind].with_nonce(delivery.nonce)
            self._check_posts(delivery, posts, is_mute=kind is Kind.MUTE)

    def _check_posts(self, delivery: Delivery, posts: list[Post], *, is_mute: bool) -> None:
        name, text = delivery.id, delivery.text
        late = text + label_of(delivery)
        if not text and posts and not is_mute:
            self._sim.broken("P3", f"{name} was taken back, and is to be seen")
        if text and not posts:
            self._sim.broken("P3", f"{name} is {delivery.state} and not to be seen")
        if len(posts) > 1 and not is_mute:
            self._sim.broken("P3", f"{name} is to be seen {len(posts)} times")
        meant = {said + end for said in (text, late) for end in ("", MAY_BE_A_REPEAT)}
        if text and posts and not any(post.text in meant for post in posts):
            self._sim.broken("P3", f"{name} reads {posts[0].text[:30]!r}, not {text[:30]!r}")

    def check_order(self) -> None:
        """P4: in a conversation and lane, heard and answered in the order of arrival."""
        arrival = {key: place for place, key in self._log.sequences.items()}
        by_token = {e.token: e for e in self._sim.events if e.token}
        for what, lines in (("heard", _lines_heard(self._sim)), ("answered", self._lines_shown())):
            for line, tokens in lines.items():
                keys = [by_token[t].message.idempotency_key for t in tokens if t in by_token]
                places = [arrival[key] for key in keys if key in arrival]
                if places != sorted(places):
                    self._sim.broken("P4", f"{line} {what} {tokens} out of order")

    def _lines_shown(self) -> dict[str, list[str]]:
        """Return the canaries that people saw, by conversation and lane, first sight only."""
        lines: dict[str, list[str]] = {}
        by_token = {e.token: e for e in self._sim.events if e.token}
        # A post that was given up, and lands late all the same, keeps no order.
        given_up = {d.nonce for d in self._stored.values() if d.state is DeliveryState.FAILED}
        for platform in self._sim.platforms.values():
            for post in (p for p in platform.posts if not (p.is_gone or p.nonce in given_up)):
                for token in (t for t in tokens_in(post.text) if t in by_token):
                    message = by_token[token].message
                    lane = message.sender.name if message.role is None else message.role
                    seen = lines.setdefault(f"{post.conversation.id}/{lane}", [])
                    if token not in seen:
                        seen.append(token)
        return lines

    def check_slots(self, log: Iterable[AuditEntry]) -> None:
        """P7: each slot once, fired or missed, and none left out."""
        kinds = {AuditKind.SCHEDULE_FIRED, AuditKind.SCHEDULE_MISSED}
        slots = Counter((e.subject, e.ref) for e in log if e.kind in kinds)
        for slot, count in slots.items():
            if count > 1:
                self._sim.broken("P7", f"{slot} came {count} times")
        for token, count in self._heard.items():
            if "wake@" in token and count > 1:
                self._sim.broken("P7", f"{token} was heard {count} times")
        # A clock that was hours ahead passes over more slots than are recorded one by one.
        for schedule in () if self._sim.clock_was_set else self._sim.story.schedules:
            every = timedelta(seconds=int(schedule.trigger.partition(":")[2]))
            came = {datetime.fromisoformat(ref) for name, ref in slots if name == schedule.id}
            slot = schedule.next_slot
            while slot is not None and slot < EPOCH + timedelta(seconds=self._sim.calm_at):
                if slot not in came:
                    self._sim.broken("P7", f"the slot {slot} of {schedule.id} never came")
                slot += every

    def check_log(self) -> None:
        """P12: the log alone says where each delivery stands, and how each turn ended."""
        for name, (state, revision) in self._log.deliveries.items():
            stored = self._stored.get(name)
            if stored and (stored.state, stored.revision) != (state, revision):
                self._sim.broken("P12", f"{name} is {stored.state}, and by the log {state}")
            if stored and stored.receipt != self._log.receipts.get(name):
                self._sim.broken("P12", f"{name} has another receipt in the log")
        for turn, names in self._log.answers.items():
            for name in names:
                if name not in self._log.deliveries:
                    self._sim.broken("P12", f"{turn} ended with {name}, of which the log is silent")


def check_seats(sim: Simulation, log: Iterable[AuditEntry]) -> None:
    """Never more turns of a person at once, with agents of their own, than there are seats."""
    at_work: defaultdict[PersonId, set[str]] = defaultdict(set)
    cancelled: set[str] = set()
    for entry in log:
        owner = owner_of(LaneId(entry.subject))
        if owner is None:
            continue
        match entry.kind:
            case AuditKind.TURN_CANCELLED:
                cancelled.add(entry.ref)
            case AuditKind.TURN_CLAIMED if entry.ref in cancelled:
                pass  # it only ends, and takes no seat for that
            case AuditKind.TURN_CLAIMED:
                at_work[owner].add(entry.subject)
                if len(at_work[owner]) > PER_PERSON:
                    sim.broken("seats", f"{sorted(at_work[owner])} are at work at once")
            case AuditKind.TURN_ENDED | AuditKind.TURN_POSTPONED | AuditKind.TURN_LOST:
                at_work[owner].discard(entry.subject)
            case _:
                pass


def check_tools(sim: Simulation, log: Iterable[AuditEntry]) -> None:
    """P5: a call's result is journaled once, whoever carries it out again."""
    journaled = Counter(e.data["call"] for e in log if e.kind is AuditKind.TURN_TOOL)
    for call, count in journaled.items():
        if count > 1:
            sim.broken("P5", f"the call {call} was journaled {count} times")


def check_approvals(sim: Simulation, log: Iterable[AuditEntry]) -> None:
    """P5, P10: what can't be undone is done once, and only after its yes."""
    asked = Counter(e.ref for e in log if e.kind is AuditKind.APPROVAL_ASKED)
    decided = Counter(e.ref for e in log if e.kind is AuditKind.APPROVAL_DECIDED)
    if asked != decided or set(asked.values()) > {1}:
        sim.broken("P8", f"{asked} was asked, and {decided} decided")
    states = {e.ref: e.data["state"] for e in log if e.kind is AuditKind.APPROVAL_DECIDED}
    for call, count in Counter(sim.toolbox.paid).items():
        if count > 1:
            sim.broken("P5", f"the call {call} was carried out {count} times")
        if states.get(call.removeprefix("approval-")) != "approved":
            sim.broken("P10", f"the call {call} was carried out without a yes")


def _kind(post: Post) -> Kind:
    return Kind(post.conversation.platform)


def _owners(sim: Simulation) -> dict[str, str]:
    return {e.token: e.message.conversation.id for e in sim.events if e.token}


def _texts_heard(sim: Simulation) -> list[str]:
    return [i.text for r in sim.minds.requests for i in r.input if isinstance(i, InputMessage)]


def _lines_heard(sim: Simulation) -> dict[str, list[str]]:
    """Return the canaries that agents heard, by thread."""
    lines: dict[str, list[str]] = {}
    for request in sim.minds.requests:
        texts = [item.text for item in request.input if isinstance(item, InputMessage)]
        tokens = [token for text in texts for token in tokens_in(text)]
        lines.setdefault(request.session.thread, []).extend(tokens)
    return lines
