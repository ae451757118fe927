"""Where functions run, and the routes by which they are deployed and called."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from fastapi import APIRouter

from gateway.bootstrap.choices import routes, secret
from gateway.bootstrap.desks import PLATFORMS
from gateway.domain.compute import RunLimits
from gateway.domain.conversations import Conversation
from gateway.domain.ids import WorkerId
from gateway.domain.people import Sender
from gateway.domain.schedules import Wakeup
from gateway.inbox import Inbox
from gateway.ports import Clock, ComputeBackend, Store
from gateway.rights.access import Access
from gateway.settings import Settings

if TYPE_CHECKING:
    from agents.embedded.sandbox.sandbox import Sandbox
    from compute.notices import Notices
    from compute.worker import ComputeWorker

_ANSWER_CHARACTERS = 1_000_000


@dataclass(frozen=True, slots=True)
class Muscle:
    """Who runs tasks, and the routes by which they are wished for."""

    worker: ComputeWorker
    router: APIRouter


def make_muscle(
    settings: Settings, store: Store, access: Access, inbox: Inbox, clock: Clock, name: WorkerId
) -> Muscle | None:
    """Return it; None where it is off, or nobody could be let in."""
    from adapters.api.compute import make_compute_router
    from compute.desk import ComputeDesk, DeskOptions
    from compute.worker import ComputeWorker, WorkerOptions, WorkerParts

    compute, token = settings.compute, secret(settings.http.admin_token)
    if not (compute.on and token):
        return None
    notices = _notices(settings, store, access, inbox, clock)
    worker = ComputeWorker(
        WorkerParts(store.tasks, make_backend(settings), notices, name, clock),
        WorkerOptions(compute.at_once, keep=timedelta(days=compute.keep_days)),
    )
    options = DeskOptions(
        limits=RunLimits(compute.seconds, compute.memory_bytes, _ANSWER_CHARACTERS),
        fan_out=compute.fan_out,
        platforms=PLATFORMS,
        signs=compute.webhook_secret is not None,
    )
    desk = ComputeDesk(store.tasks, clock, options, worker.tell_news)
    return Muscle(worker, make_compute_router(desk, token))


def make_backend(settings: Settings) -> ComputeBackend:
    """Return where foreign code runs."""
    if settings.compute.backend == "modal":
        from compute.backends.modal_sandbox import ModalBackend

        return ModalBackend(settings.compute.modal_app)
    from compute.backends.local import LocalBackend

    return LocalBackend(_sandbox)


def _sandbox(limits: RunLimits) -> Sandbox:
    """Return a limited process of this machine, without a network."""
    from agents.embedded.sandbox.limits import Limits
    from agents.embedded.sandbox.sandbox import Sandbox

    return Sandbox(
        Limits(
            wall_seconds=limits.seconds,
            cpu_seconds=math.ceil(limits.seconds),
            memory_bytes=limits.memory_bytes,
            # The answer is JSON within JSON.
            answer_characters=2 * limits.answer_characters + 1_000,
            has_network=False,
        )
    )


def _notices(
    settings: Settings, store: Store, access: Access, inbox: Inbox, clock: Clock
) -> Notices:
    from compute.notices import NoticeParts, Notices
    from scheduler.owners import allowed_owner
    from scheduler.sources import FetchOptions, GuardedFetch

    ask = partial(allowed_owner, people=store.people, rights=access, routing=routes(settings))

    async def owner(place: Conversation) -> Sender | None:
        return await ask(Wakeup(place, None, ""))

    fetch = GuardedFetch(FetchOptions(settings.sources.private))
    parts = NoticeParts(inbox.wake, owner, fetch.post, secret(settings.compute.webhook_secret))
    return Notices(store.tasks, clock, parts)
