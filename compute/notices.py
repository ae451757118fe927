"""Tells of a task's end: a wakeup for the agent of a conversation, a signed call for a system."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from gateway.domain.compute import TASK_EVENTS, Task
from gateway.domain.compute_json import status_of, task_json
from gateway.domain.conversations import Conversation
from gateway.domain.messages import Accepted, InboundMessage, MessageKind
from gateway.domain.people import Sender
from gateway.errors import BadInput, RetryLater
from gateway.ports import Clock, TaskStore
from gateway.text.fence import fenced
from gateway.text.silence import SILENCE_NOTE

LONGEST_TOLD = 8_000
"""Characters of a result that an agent is told."""


@dataclass(frozen=True, slots=True)
class NoticeParts:
    """What ends are told with."""

    wake: Callable[[InboundMessage], Awaitable[Accepted]]
    """The inbox."""
    owner: Callable[[Conversation], Awaitable[Sender | None]]
    """In whose name an agent wakes; None when they may not talk, or not to its agent."""
    post: Callable[[str, Mapping[str, str], bytes], Awaitable[int]]
    """Calls an address that somebody chose, guarded; returns the status. Raises BadInput."""
    secret: str
    """What callbacks are signed with."""


class Notices:
    """Each end is told at least once, under a name that lets the hearer know a repeat."""

    def __init__(self, store: TaskStore, clock: Clock, parts: NoticeParts) -> None:
        self._store = store
        self._clock = clock
        self._parts = parts

    async def tell(self, task: Task) -> None:
        """Tell all who want to know. Raises BadInput or RetryLater when it has to be told again."""
        if task.new.to is not None:
            await self._wake(task, task.new.to)
        if task.new.webhook is not None:
            await self._call(task, task.new.webhook)
        await self._store.told(task.new.id, self._clock.now())

    async def _wake(self, task: Task, place: Conversation) -> None:
        owner = await self._parts.owner(place)
        if owner is None:
            raise BadInput(f'Nobody who may talk owns "{place.id}".')
        message = InboundMessage(
            event_id=f"{TASK_EVENTS}{task.new.id}",
            conversation=place,
            sender=owner,
            text=_told(task),
            sent_at=self._clock.now(),
            kind=MessageKind.WAKEUP,
        )
        await self._parts.wake(message)

    async def _call(self, task: Task, url: str) -> None:
        body = json.dumps(task_json(task)).encode()
        stamp = str(int(self._clock.now().timestamp()))
        # Without a dot, as hooks want it: one would be taken for the end of the id in what is
        # signed. No task's id has a slash.
        delivery = task.new.id.replace(".", "/")
        headers = {
            "content-type": "application/json",
            "x-postern-timestamp": stamp,
            "x-postern-delivery": delivery,
            "x-postern-signature": sign(self._parts.secret, stamp, delivery, body),
        }
        status = await self._parts.post(url, headers, body)
        if not 200 <= status < 300:
            raise RetryLater(f"It answers with {status}.")


def sign(secret: str, timestamp: str, delivery: str, body: bytes) -> str:
    """Return the signature of a callback: as hooks are signed, so callbacks are."""
    signed = f"{timestamp}.{delivery}.".encode() + body
    return "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def _told(task: Task) -> str:
    outcome = task.outcome
    text = outcome.text if outcome is not None else "It was taken back."
    what = fenced(f'the function "{task.new.function}"', text[:LONGEST_TOLD])
    ended = f'The task "{task.new.id}" of "{task.new.function}" has ended: {status_of(task.state)}.'
    return f"{ended}\n\n{what}\n\n{SILENCE_NOTE}"
