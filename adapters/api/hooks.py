"""`POST /hooks/<name>`: a signed call of another system wakes an agent, once for each delivery."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from adapters.api.guard import read_body
from adapters.api.signature import is_fresh, is_signed
from gateway.domain.messages import HOOK_EVENTS, Accepted, InboundMessage, MessageKind
from gateway.domain.people import Sender
from gateway.domain.schedules import Wakeup
from gateway.ports import Clock
from gateway.text.fence import fenced
from gateway.text.silence import SILENCE_NOTE

PAYLOAD_LIMIT_BYTES = 64_000
_LONGEST_ID = 128


@dataclass(frozen=True, slots=True)
class Hook:
    """One address."""

    name: str
    secret: str
    wakeup: Wakeup
    """Its prompt may hold `{payload}`; where it does not, the payload follows it."""


@dataclass(frozen=True, slots=True)
class HookParts:
    """What hooks work on."""

    hooks: Mapping[str, Hook]
    wake: Callable[[InboundMessage], Awaitable[Accepted]]
    """The inbox."""
    owner: Callable[[Wakeup], Awaitable[Sender | None]]
    """In whose name it wakes; None when they may not talk, or not to this agent."""
    clock: Clock


def make_hook_router(parts: HookParts) -> APIRouter:
    """Return the route; there is one address for each hook."""
    router = APIRouter()

    @router.post("/hooks/{name}")
    async def call(name: str, request: Request) -> Response:  # pyright: ignore[reportUnusedFunction] - a route
        body = await read_body(request, PAYLOAD_LIMIT_BYTES)
        hook, delivery = _verified(parts, name, request, body)
        owner = await parts.owner(hook.wakeup)
        if owner is None:
            why = "may not talk here, or not to its agent."
            raise HTTPException(403, f'The owner of the hook "{name}" {why}')
        accepted = await parts.wake(_to_wakeup(hook, owner, delivery, body, parts.clock))
        return JSONResponse({"id": delivery, "new": accepted.is_new}, 202)

    return router


def _verified(parts: HookParts, name: str, request: Request, body: bytes) -> tuple[Hook, str]:
    """Return the hook and the delivery's id; one answer for all that does not fit."""
    stamp, delivery, given = (
        request.headers.get(f"x-postern-{each}", "")
        for each in ("timestamp", "delivery", "signature")
    )
    hook = parts.hooks.get(name)
    if hook is None or not is_signed(hook.secret, given, stamp, delivery, body):
        raise HTTPException(401, f'There is no hook "{name}", or the signature does not fit.')
    if not is_fresh(stamp, parts.clock.now()):
        raise HTTPException(401, "X-Postern-Timestamp is not within five minutes of now.")
    # A dot is where the signed text goes on with the body: with one in its id, a call that was
    # overheard could be repeated under another id, with the body's beginning in it.
    if not (0 < len(delivery) <= _LONGEST_ID and delivery.isprintable() and "." not in delivery):
        raise HTTPException(
            422, f"X-Postern-Delivery has from 1 to {_LONGEST_ID} characters, and no dot."
        )
    return hook, delivery


def _to_wakeup(
    hook: Hook, owner: Sender, delivery: str, body: bytes, clock: Clock
) -> InboundMessage:
    payload = fenced(f'the hook "{hook.name}"', body.decode("utf-8", "replace"))
    prompt = hook.wakeup.prompt
    if "{payload}" not in prompt:
        prompt += "\n\n{payload}"
    return InboundMessage(
        event_id=f"{HOOK_EVENTS}{hook.name}:{delivery}",
        conversation=hook.wakeup.conversation,
        sender=owner,
        text=f"{prompt.replace('{payload}', payload)}\n\n{SILENCE_NOTE}",
        sent_at=clock.now(),
        kind=MessageKind.WAKEUP,
        role=hook.wakeup.role,
    )
