"""The only way out: sends every stored delivery, and keeps on until it is sent or given up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from gateway.domain.deliveries import (
    Delivery,
    DeliveryState,
    SendFailed,
    SendOutcome,
    Sent,
)
from gateway.domain.ids import PlatformMessageId, WorkerId
from gateway.drafts import Drafts
from gateway.errors import Fenced, OutcomeUnknown, PosternError, Refused, StoreUnavailable
from gateway.freshness import Freshness, label_of, next_part, not_sent, why_not_sent
from gateway.leases import Lease, loop_time
from gateway.ports import Adapter, Clock, Store
from gateway.retries import RetryPolicy, decide_send_retry
from gateway.telemetry import Metrics, traced
from gateway.text.canvas import with_remark
from gateway.waiting import wait_until

log = logging.getLogger(__name__)

MAY_BE_A_REPEAT = "\n\n_(this may be a repeat)_"
"""Added where the platform can never tell whether an earlier try is there."""

NOT_THERE = PlatformMessageId("")
"""The receipt of a message that was to be taken back and had never been shown."""


@dataclass(frozen=True, slots=True)
class OutboxOptions:
    """Limits of the outbox."""

    worker: WorkerId
    max_in_flight: int = 256
    lease: timedelta = timedelta(seconds=60)
    poll: timedelta = timedelta(seconds=1)
    """How often to look without a signal, for what other processes stored."""
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    freshness: Freshness = field(default_factory=Freshness)


class Outbox:
    """Sends in order per conversation, many conversations at once.

    A delivery is stored as `sending` before its platform is called. A call whose
    outcome was not seen is resolved by asking the platform, never by guessing;
    where the platform can not tell, the repeat says that it may be one.
    What waited says so, and what waited for too long is kept, not sent.
    """

    def __init__(
        self,
        store: Store,
        adapters: Mapping[str, Adapter],
        drafts: Drafts,
        clock: Clock,
        metrics: Metrics,
        options: OutboxOptions,
    ) -> None:
        self._store = store
        self._adapters = adapters
        self._drafts = drafts
        self._clock = clock
        self._metrics = metrics
        self._options = options
        self._sending: dict[Delivery, Lease] = {}
        """By claim: what was taken over from this very process is another claim."""
        self._idle = asyncio.Event()

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_leases())
            while True:
                self._store.delivery_ready.clear()
                next_ready_at = await self._claim_once(group)
                if not self._sending:
                    self._idle.set()
                now = self._clock.now()
                await wait_until(self._store.delivery_ready, next_ready_at, now, self._options.poll)

    async def drain(self) -> None:
        """Return when nothing is left that could be sent now; what must wait stays stored."""
        self._idle.clear()
        self._store.delivery_ready.set()
        await self._idle.wait()

    async def _claim_once(self, group: asyncio.TaskGroup) -> datetime | None:
        """Start what can be sent now; return when the next one will be ready."""
        room = self._options.max_in_flight - len(self._sending)
        if room <= 0:
            return None
        options, asked_at = self._options, loop_time()
        try:
            claim = await self._store.deliveries.claim(
                options.worker, list(self._adapters), room, options.lease, self._clock.now()
            )
        except StoreUnavailable as error:
            log.warning("deliveries_not_claimed", extra={"error": str(error)})
            return None
        for delivery in claim.deliveries:
            self._sending[delivery] = Lease(options.lease, asked_at)
            group.create_task(self._traced_send(delivery, group))
        if len(claim.deliveries) == room:
            return self._clock.now()
        return claim.next_ready_at

    async def _traced_send(self, delivery: Delivery, group: asyncio.TaskGroup) -> None:
        with traced(delivery.id):
            await self._send(delivery, group)

    async def _send(self, delivery: Delivery, group: asyncio.TaskGroup) -> None:
        adapter = self._adapters[delivery.conversation.platform]
        try:
            if not delivery.is_draft:
                await self._drafts.close(delivery.id)
            outcome = await self._outcome(delivery, adapter)
            await self._tell_not_sent(delivery, outcome)
            await self._store.deliveries.settle(delivery, outcome, self._clock.now())
        except Fenced:
            log.info("delivery_fenced", extra={"delivery": delivery.id})
            return
        except StoreUnavailable as error:
            # Its lease runs out, and whoever claims it then asks the platform.
            log.warning(
                "delivery_not_settled", extra={"delivery": delivery.id, "error": str(error)}
            )
            return
        finally:
            del self._sending[delivery]
            self._store.delivery_ready.set()
        self._note(delivery, outcome)
        if isinstance(outcome, Sent) and delivery.is_draft and adapter.streaming is not None:
            shown = replace(delivery, receipt=outcome.receipt)
            group.create_task(self._drafts.show(shown, adapter, adapter.streaming))

    async def _outcome(self, delivery: Delivery, adapter: Adapter) -> SendOutcome:
        try:
            return Sent(await self._carry_out(delivery, adapter))
        except Fenced:
            raise
        except PosternError as error:
            return self._after(error, delivery)
        except Exception as error:  # the loop's edge: one delivery never stops the others
            log.exception("delivery_bug", extra={"delivery": delivery.id})
            return self._after(error, delivery)

    def _after(self, error: Exception, delivery: Delivery) -> SendOutcome:
        return decide_send_retry(error, delivery, self._clock.now(), self._options.retry)

    async def _tell_not_sent(self, delivery: Delivery, outcome: SendOutcome) -> None:
        """Say that an answer was given up because of its age, before that is stored."""
        now = self._clock.now()
        if isinstance(outcome, SendFailed) and self._options.freshness.is_too_old(delivery, now):
            await self._store.deliveries.enqueue([not_sent(delivery)], now)

    async def _carry_out(self, delivery: Delivery, adapter: Adapter) -> PlatformMessageId:
        """Bring the platform to the delivery's text, whatever an earlier try has done."""
        ending = await self._ending(delivery)
        wanted = shown = replace(delivery, text=delivery.text + ending)
        if delivery.state is DeliveryState.UNKNOWN and delivery.receipt is None:
            try:
                found = await adapter.find(replace(delivery, ending=ending))
            except OutcomeUnknown:
                found = None
                wanted = _with_remark(shown, MAY_BE_A_REPEAT)
            if found is not None and delivery.revision == 1:
                return found
            wanted = wanted if found is None else replace(delivery, receipt=found)
        if wanted.receipt is None and not delivery.text:
            return NOT_THERE
        if self._sending[delivery].is_over:
            raise Fenced(f'The lease of delivery "{delivery.id}" was over before it was sent.')
        if self._options.freshness.is_too_old(wanted, self._clock.now()):
            raise Refused(why_not_sent(delivery))
        return await adapter.send(wanted)

    async def _ending(self, delivery: Delivery) -> str:
        """Return the remark that it is late, which stands below an answer's last part."""
        if not self._options.freshness.is_late(delivery, self._clock.now()):
            return ""
        is_last = await self._store.deliveries.get(next_part(delivery)) is None
        return label_of(delivery) if is_last else ""

    async def _keep_leases(self) -> None:
        """Prolong what is being sent, and take over what others left behind."""
        while True:
            await asyncio.sleep(self._options.lease.total_seconds() / 3)
            now, asked_at = self._clock.now(), loop_time()
            held = list(self._sending)
            try:
                lost = await self._store.deliveries.extend(held, self._options.lease, now)
                self._prolong(set(held).difference(lost), asked_at)
                await self._store.deliveries.recover(now)
            except StoreUnavailable as error:
                log.warning("leases_not_extended", extra={"error": str(error)})

    def _prolong(self, held: set[Delivery], asked_at: float) -> None:
        for delivery, lease in self._sending.items():
            if delivery in held:
                lease.prolong(asked_at)

    def _note(self, delivery: Delivery, outcome: SendOutcome) -> None:
        platform = delivery.conversation.platform
        name = type(outcome).__name__
        self._metrics.deliveries.labels(platform=platform, outcome=name).inc()
        details = {"delivery": delivery.id, "attempt": delivery.attempts, "outcome": name}
        if isinstance(outcome, Sent):
            log.info("delivery_settled", extra=details)
        else:
            level = logging.ERROR if isinstance(outcome, SendFailed) else logging.WARNING
            log.log(level, "delivery_settled", extra={**details, "error": outcome.error})


def _with_remark(delivery: Delivery, remark: str) -> Delivery:
    """Return it with a remark below its text, and on its canvas, which is shown instead."""
    canvas = delivery.canvas and with_remark(delivery.canvas, remark)
    return replace(delivery, text=delivery.text + remark, canvas=canvas)
