"""Who may talk to an agent. Asked by the inbox for every message from every door."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.bans import Bans, ban_refusal
from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import ConversationId, DeliveryId
from gateway.domain.messages import InboundMessage, Refusal
from gateway.domain.people import Identity, Pairing
from gateway.pairing_codes import hash_code, new_code
from gateway.ports import Clock, PeopleStore

PAIRING_TTL = timedelta(hours=1)
_REMEMBERED_SECONDS = 60.0
"""After so long the store is asked again: people are forgotten, and by other processes too."""
_MAX_REMEMBERED = 100_000


class AccessMode(StrEnum):
    """What happens to a sender who is on no list."""

    OPEN = "open"
    ALLOWLIST = "allowlist"
    PAIRING = "pairing"


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """The operator's rules. A platform that is not named lets nobody in but the listed."""

    modes: Mapping[str, AccessMode]
    allowed: frozenset[str] = frozenset()
    """Identity keys (`platform:workspace:user`) that may always talk."""


class Access:
    """Admits senders by stable id: listed, paired, or on an open platform; never the banned."""

    def __init__(self, policy: AccessPolicy, people: PeopleStore, clock: Clock) -> None:
        self._policy = policy
        self._people = people
        self._clock = clock
        self._bans = Bans(people)
        self._paired: dict[Identity, float] = {}
        """Until when, in seconds of the event loop, a yes is believed."""

    async def refusal(self, message: InboundMessage, now: datetime) -> Refusal | None:
        """Return how the message is turned away; None when its sender is admitted."""
        door, identity = message.conversation.platform, message.sender.identity
        if (ban := await self._bans.of(identity, now)) is not None:
            return ban_refusal(message, ban)
        if await self._is_let_in(identity, door):
            return None
        if self._mode(door) is AccessMode.ALLOWLIST:
            return Refusal(message, reason="not_on_the_allowlist")
        return _pairing_refusal(message, now)

    async def admits(self, identity: Identity, door: str) -> bool:
        """Whether this account may talk there; raises StoreUnavailable."""
        is_banned = await self._bans.of(identity, self._clock.now()) is not None
        return not is_banned and await self._is_let_in(identity, door)

    async def _is_let_in(self, identity: Identity, door: str) -> bool:
        if self._mode(door) is AccessMode.OPEN or identity.key in self._policy.allowed:
            return True
        return await self._is_paired(identity)

    def _mode(self, door: str) -> AccessMode:
        return self._policy.modes.get(door, AccessMode.ALLOWLIST)

    async def _is_paired(self, identity: Identity) -> bool:
        """Ask the store; a yes is remembered for a while."""
        now = asyncio.get_running_loop().time()
        if now < self._paired.get(identity, now):
            return True
        is_paired = await self._people.is_paired(identity)
        if len(self._paired) >= _MAX_REMEMBERED:
            self._paired.clear()
        if is_paired:
            self._paired[identity] = now + _REMEMBERED_SECONDS
        return is_paired


def not_for_them(message: InboundMessage, role: str) -> Refusal:
    """Return how a message is turned away whose sender may talk, but not to this agent."""
    reply = NewDelivery(
        id=_reply_id(message),
        conversation=message.conversation,
        text=f'The agent "{role}" is not for you. Ask the operator of this bot.',
        handle=message.handle,
        is_private=message.is_private,
    )
    return Refusal(message, reason="agent_not_allowed", reply=reply)


def _pairing_refusal(message: InboundMessage, now: datetime) -> Refusal:
    code = new_code()
    pairing = Pairing(
        identity=message.sender.identity,
        name=message.sender.name,
        code_hash=hash_code(code),
        asked_at=now,
        expires_at=now + PAIRING_TTL,
        conversation=_told_in(message),
    )
    reply = NewDelivery(
        id=_reply_id(message),
        conversation=message.conversation,
        text=(
            f"I don't know you yet. Your pairing code is **{code}**.\n\n"
            "Give it to the operator of this bot, who lets you in with "
            f"`postern pairing approve {code}`, or to an admin, who says `/pair {code}` to me. "
            "It is good for one hour."
        ),
        handle=message.handle,
        is_private=message.is_private,
    )
    return Refusal(message, reason="pairing_asked", reply=reply, pairing=pairing)


def _told_in(message: InboundMessage) -> ConversationId | None:
    """Return where a stranger is told that they may talk: not where it was shown to them alone."""
    place = message.conversation
    return None if message.is_private and not place.is_direct else place.id


def _reply_id(message: InboundMessage) -> DeliveryId:
    digest = hashlib.blake2b(message.idempotency_key.encode(), digest_size=12).hexdigest()
    return DeliveryId(f"pairing-{digest}")
