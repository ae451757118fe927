"""Judges what slots came to: counts failures, lets schedules rest, and alerts owners once."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import NewDelivery
from gateway.domain.fires import EndedSlot, SlotVerdict
from gateway.domain.ids import DeliveryId
from gateway.domain.people import person_id_of
from gateway.domain.schedules import Schedule, Wakeup
from gateway.domain.turns import TurnState
from gateway.errors import StoreUnavailable
from gateway.ports import Clock, Store
from gateway.telemetry import Metrics
from scheduler.owners import owner_of

log = logging.getLogger(__name__)

POSTED = "posted"
SILENT = "silent"
FAILED = "failed"
UNDELIVERED = "undelivered"
CANCELLED = "cancelled"

_FIRST_REST = timedelta(minutes=1)
_LONGEST_REST = timedelta(hours=6)
_GONE = "DeliveryRefused"
"""How the error of a post begins that its platform will never show."""
_PAGE = 200


@dataclass(frozen=True, slots=True)
class OutcomeOptions:
    """How often to look, and how long slots are kept."""

    poll: timedelta = timedelta(seconds=10)
    kept: timedelta = timedelta(days=90)


class Outcomes:
    """Looks at slots whose turns and posts are settled; each is judged once, whoever looks.

    A slot counts as posted only with the platform's receipt. The owner is told
    of the first failure in a row, and of no other until a slot has succeeded.
    """

    def __init__(
        self,
        store: Store,
        default_role: str,
        clock: Clock,
        metrics: Metrics,
        options: OutcomeOptions | None = None,
    ) -> None:
        self._store = store
        self._default_role = default_role
        self._clock = clock
        self._metrics = metrics
        self._options = options or OutcomeOptions()

    async def run(self) -> None:
        """Judge until cancelled."""
        while True:
            try:
                await self.judge_ended()
                await self._forget()
            except StoreUnavailable as error:
                log.warning("slots_not_judged", extra={"error": str(error)})
            except Exception:  # the loop's edge: whatever befalls one look, the next one comes
                log.exception("judging_failed")
            await asyncio.sleep(self._options.poll.total_seconds())

    async def judge_ended(self) -> int:
        """Judge all that has ended; returns how many slots this call judged."""
        judged = 0
        while ended := await self._store.fires.ended(_PAGE):
            for each in ended:
                verdict = await self._verdict(each)
                if await self._store.fires.judge([verdict], self._clock.now()):
                    judged += 1
                    self._note(verdict)
            if len(ended) < _PAGE:
                break
        return judged

    async def _verdict(self, ended: EndedSlot) -> SlotVerdict:
        schedule, now = await self._store.schedules.get(ended.schedule), self._clock.now()
        if schedule is None:
            return SlotVerdict(ended.schedule, ended.due_at, say_result(ended))
        place = None
        if say_result(ended) in (FAILED, UNDELIVERED) and schedule.wakeup is not None:
            place = await self._place_to_tell(schedule.wakeup, is_gone=ended.refused is not None)
            if place is None:
                log.warning("owner_not_told", extra={"schedule": schedule.id})
        return decide_verdict(ended, schedule, place, now)

    async def _place_to_tell(self, wakeup: Wakeup, *, is_gone: bool) -> Conversation | None:
        """Return where the owner hears of a failure: there, or where they are alone with us."""
        if not is_gone:
            return wakeup.conversation
        owner = await owner_of(wakeup, self._store.people)
        person = await self._store.people.find_person(owner.identity)
        known = person.id if person else person_id_of(owner.identity)
        role = wakeup.role or self._default_role
        binding = await self._store.people.binding(known, role)
        agent = binding.agent_id if binding else None
        places = await self._store.people.conversations_of(agent) if agent else []
        # Their other agents can tell it too, where they alone read it.
        places += [said.conversation for said in await self._store.personal.said(known, _PAGE)]
        others = (place for place in places if place != wakeup.conversation)
        return next((place for place in others if place.is_direct), None)

    async def _forget(self) -> None:
        before = self._clock.now() - self._options.kept
        while await self._store.fires.forget(before, _PAGE):
            log.info("slots_forgotten")

    def _note(self, verdict: SlotVerdict) -> None:
        self._metrics.wakeups.labels(result=verdict.result).inc()
        details = {"schedule": verdict.schedule, "slot": verdict.due_at.isoformat()}
        level = logging.ERROR if verdict.result in (FAILED, UNDELIVERED) else logging.INFO
        log.log(level, "slot_judged", extra={**details, "result": verdict.result})


def say_result(ended: EndedSlot) -> str:
    """Return what a slot came to, in a word. Pure."""
    if ended.state is TurnState.FAILED:
        return FAILED
    if ended.refused is not None:
        return UNDELIVERED
    if ended.state is TurnState.CANCELLED:
        return ended.error or CANCELLED
    return POSTED if ended.posts else SILENT


def decide_verdict(
    ended: EndedSlot, schedule: Schedule, place: Conversation | None, now: datetime
) -> SlotVerdict:
    """Say what follows from a slot's end; `place` is where its owner can be told. Pure."""
    result = say_result(ended)
    slot = (schedule.id, ended.due_at, result)
    if ended.state is TurnState.CANCELLED and result != UNDELIVERED:
        return SlotVerdict(*slot, schedule.failures, schedule.rest_until)
    if result in (POSTED, SILENT):
        return SlotVerdict(*slot)
    failures = schedule.failures + 1
    is_gone = (ended.refused or "").startswith(_GONE)
    alert = None
    if place is not None and schedule.failures == 0:
        alert = NewDelivery(_alert_id(ended), place, _say_alert(ended, schedule, is_gone=is_gone))
    rest = min(_FIRST_REST * 2 ** min(failures - 1, 20), _LONGEST_REST)
    return SlotVerdict(*slot, failures, now + rest, is_gone, alert)


def _say_alert(ended: EndedSlot, schedule: Schedule, *, is_gone: bool) -> str:
    name = schedule.name or schedule.id
    reason = (ended.refused or ended.error or "").partition(": ")[2]
    said = f" ({reason.rstrip('.')})" if reason else ""
    if is_gone and schedule.wakeup is not None:
        where = schedule.wakeup.conversation.id
        return (
            f'The wakeup "{name}" can not post to `{where}` any more{said}. It is paused; '
            "resume it when the place is there again."
        )
    return (
        f'The wakeup "{name}" failed{said}. It is tried again at its coming times, less often '
        "while it fails. You will hear of it again only after it has worked."
    )


def _alert_id(ended: EndedSlot) -> DeliveryId:
    return DeliveryId(f"alert:{ended.schedule}:{ended.due_at.isoformat()}")
