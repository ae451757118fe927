"""Ending turns: what they answer is stored in the commit that frees their lanes (T5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.domain.audit import AuditKind
from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import DeliveryId
from gateway.domain.turns import TurnOutcome, TurnRef
from gateway.errors import Fenced
from storage.audit_data import turn_ended
from storage.columns import to_json, to_place, to_state
from storage.delivery_extras import write_extras
from storage.postgres.database import Row, Transaction
from storage.postgres.locks import fenced, is_held, lock_lanes, lock_outboxes
from storage.postgres.posts import (
    DROP,
    REVISE,
    add_deliveries,
    log_revised,
    log_stored,
    ready_for_first,
    take_back,
)
from storage.postgres.usage import add_charges
from storage.postgres.values import columns, storable
from storage.rules import Finals, finals, may_be_shown

PLACES_OF_DRAFTS = """
SELECT DISTINCT conversation FROM delivery WHERE turn = ANY($1::text[]) AND is_draft
"""
DRAFTS = """
SELECT turn, idx, id, conversation, state, receipt FROM delivery
WHERE turn = ANY($1::text[]) AND is_draft ORDER BY turn, idx
"""
PLACES_OF_NOTICES = "SELECT DISTINCT conversation FROM delivery WHERE id = ANY($1::text[])"
UNSENT = """
SELECT id, conversation, state, receipt FROM delivery WHERE id = ANY($1::text[]) AND state < 3
"""
RELEASE_LANES = """
UPDATE mailbox SET owner = NULL, lease_until = NULL, turn = NULL,
    state = EXISTS (
        SELECT 1 FROM inbox WHERE inbox.lane = mailbox.lane AND inbox.state = 0
    )::integer,
    ready_at = coalesce(ready_at, ended.at)
FROM unnest($1::text[], $2::timestamptz[]) AS ended (lane, at)
WHERE mailbox.lane = ended.lane
RETURNING mailbox.state = 1 OR EXISTS (
    SELECT 1 FROM mailbox AS parked WHERE parked.state = 3 AND parked.person = mailbox.person
) AS is_ready
"""
END_TURNS = """
UPDATE turn SET state = ended.state, ended_at = ended.at, error = ended.error, is_kept = true,
    answers = ARRAY(SELECT json_array_elements_text(ended.answers::json))
FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::text[])
    AS ended (id, state, at, error, answers)
WHERE turn.id = ended.id
"""


@dataclass(frozen=True, slots=True)
class Ending:
    """A turn that is over."""

    turn: TurnRef
    outcome: TurnOutcome
    now: datetime


@dataclass(frozen=True, slots=True)
class _Answer:
    """What an ending does to the deliveries of its turn."""

    ending: Ending
    drafts: dict[DeliveryId, Row]
    finals: Finals

    @property
    def kept(self) -> list[DeliveryId]:
        """The deliveries that are the answer."""
        return [*self.finals.replaced, *(new.id for new in self.finals.fresh)]

    @property
    def revised(self) -> dict[DeliveryId, tuple[str, str | None]]:
        """The new contents of drafts; empty for one that may be shown and is taken back."""
        contents = {
            draft: (storable(new.text), write_extras(new.buttons, new.files, new.canvas))
            for draft, new in self.finals.replaced.items()
        }
        shown = (draft for draft in self.finals.spare if self._may_be_shown(draft))
        return contents | dict.fromkeys(shown, ("", None))

    @property
    def dropped(self) -> list[DeliveryId]:
        """Drafts that nobody has seen and nobody will."""
        return [draft for draft in self.finals.spare if not self._may_be_shown(draft)]

    @property
    def fresh(self) -> list[NewDelivery]:
        """New deliveries, which are final."""
        return [replace(new, is_draft=False) for new in self.finals.fresh]

    def _may_be_shown(self, draft: DeliveryId) -> bool:
        row = self.drafts[draft]
        return may_be_shown(to_state(row["state"]), row["receipt"])


async def finish(tx: Transaction, endings: Sequence[Ending]) -> list[Fenced | None]:
    """End turns, each of another lane: deliveries stored, lanes idle or ready again."""
    lanes = await lock_lanes(tx, [ending.turn.lane for ending in endings])
    held = [ending for ending in endings if is_held(lanes, ending.turn)]
    if held:
        answers = await _compare(tx, held)
        await _store(tx, answers)
        await _take_back_notices(tx, held)
        await _end(tx, answers)
    return [None if is_held(lanes, one.turn) else fenced(one.turn) for one in endings]


async def _compare(tx: Transaction, endings: Sequence[Ending]) -> list[_Answer]:
    """Lock every conversation that is touched, then match drafts and final deliveries."""
    turns = [ending.turn.id for ending in endings]
    places = {new.conversation for ending in endings for new in ending.outcome.deliveries}
    drafted = await tx.fetch(PLACES_OF_DRAFTS, turns)
    notices = [notice for ending in endings for notice in ending.outcome.outdated]
    noticed = await tx.fetch(PLACES_OF_NOTICES, notices) if notices else []
    places.update(to_place(row["conversation"]) for row in (*drafted, *noticed))
    if places:
        await lock_outboxes(tx, places)
    rows = await tx.fetch(DRAFTS, turns) if drafted else []
    answers: list[_Answer] = []
    for ending in endings:
        drafts = {row["id"]: row for row in rows if row["turn"] == ending.turn.id}
        indexes = {row["idx"]: draft for draft, row in drafts.items()}
        final = finals(ending.turn.id, indexes, ending.outcome.deliveries)
        answers.append(_Answer(ending, drafts, final))
    return answers


async def _store(tx: Transaction, answers: Sequence[_Answer]) -> None:
    revised = await _revise(tx, answers)
    dropped = [draft for answer in answers for draft in answer.dropped]
    if dropped:
        await tx.count(DROP, dropped)
    fresh = [(new, answer.ending.now) for answer in answers for new in answer.fresh]
    stored = await add_deliveries(tx, fresh) if fresh else {}
    places = {row["conversation"] for answer in answers for row in answer.drafts.values()}
    places.update(new.conversation.id for new, _ in fresh)
    if places:
        await ready_for_first(tx, places)
    for answer in answers:
        _log(tx, answer, revised, stored)


async def _take_back_notices(tx: Transaction, endings: Sequence[Ending]) -> None:
    for ending in endings:
        if ending.outcome.outdated and (rows := await tx.fetch(UNSENT, ending.outcome.outdated)):
            await take_back(tx, rows, ending.now)


async def _revise(tx: Transaction, answers: Sequence[_Answer]) -> dict[str, Row]:
    contents = [
        (draft, text, extras, answer.ending.now)
        for answer in answers
        for draft, (text, extras) in answer.revised.items()
    ]
    if not contents:
        return {}
    return {row["id"]: row for row in await tx.fetch(REVISE, *columns(contents))}


def _log(tx: Transaction, answer: _Answer, revised: dict[str, Row], stored: dict[str, int]) -> None:
    ending, now = answer.ending, answer.ending.now
    for draft in (*answer.finals.replaced, *answer.finals.spare):
        log_revised(tx, answer.drafts[draft]["conversation"], draft, revised.get(draft), now)
    for new in answer.fresh:
        log_stored(tx, new, stored, now)
    data = turn_ended(ending.outcome, answer.kept)
    tx.log(AuditKind.TURN_ENDED, now, ending.turn.lane, ending.turn.id, data)


async def _end(tx: Transaction, answers: Sequence[_Answer]) -> None:
    endings = [answer.ending for answer in answers]
    lanes = [(ending.turn.lane, ending.now) for ending in endings]
    released = await tx.fetch(RELEASE_LANES, *columns(lanes))
    tx.lanes_ready |= any(row["is_ready"] for row in released)
    ended = [
        (
            one.ending.turn.id,
            one.ending.outcome.state.value,
            one.ending.now,
            None if one.ending.outcome.error is None else storable(one.ending.outcome.error),
            to_json(one.kept),
        )
        for one in answers
    ]
    await tx.count(END_TURNS, *columns(ended))
    charges = [(end.outcome.charge, end.now) for end in endings]
    await add_charges(tx, [(charge, now) for charge, now in charges if charge is not None])
