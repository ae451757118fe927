"""Who may talk to an agent. Asked by the inbox for every message from every door."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

from gateway.domain.conversations import Conversation
from gateway.domain.ids import ConversationId
from gateway.domain.messages import ANSWERED, InboundMessage, Refusal, told_why
from gateway.domain.people import Identity, Pairing, Sender, Standing
from gateway.errors import RetryLater, StoreUnavailable
from gateway.ports import Clock, PeopleStore
from gateway.rights.bans import Bans, ban_refusal
from gateway.rights.circles import Circles
from gateway.rights.pairing_codes import hash_code, new_code
from gateway.rights.policy import AccessMode, AccessPolicy, Way

log = logging.getLogger(__name__)

PAIRING_TTL = timedelta(hours=1)
_REMEMBERED_SECONDS = 60.0
"""After so long the store is asked again: people are forgotten, and by other processes too."""
_MAX_REMEMBERED = 100_000


class Access:
    """Admits senders by stable id: listed, in a listed circle or place, paired, or where all are.

    Who is banned is admitted by nothing.
    """

    def __init__(
        self,
        policy: AccessPolicy,
        people: PeopleStore,
        clock: Clock,
        circles: Circles | None = None,
    ) -> None:
        self._policy = policy
        self._people = people
        self._clock = clock
        self._bans = Bans(people)
        self._circles = circles or Circles()
        self._paired: dict[Identity, float] = {}
        """Until when, in seconds of the event loop, a yes is believed."""

    async def refusal(self, message: InboundMessage, now: datetime) -> Refusal | None:
        """Return how the message is turned away; None when its sender is admitted."""
        place, sender = message.conversation, message.sender
        if (ban := await self._bans.of(sender.identity, now)) is not None:
            return ban_refusal(message, ban)
        try:
            if await self._is_let_in(sender, place.platform, place):
                return None
        except StoreUnavailable:
            raise
        except RetryLater as error:
            return circles_unknown(message, str(error))
        return self._turned_away(message, now)

    async def hears(self, sender: Sender, place: Conversation) -> bool:
        """Whether what somebody writes there is heard; not while their circles are not known.

        Raises StoreUnavailable.
        """
        return await self._hears(sender, place.platform, place)

    async def admits(
        self, identity: Identity, door: str, place: Conversation | None = None
    ) -> bool:
        """Whether this account may talk, in this place if there is one; raises StoreUnavailable.

        While a platform does not say in which circles it is, it counts as in none.
        """
        return await self._hears(Sender(identity, ""), door, place)

    async def standing(self, sender: Sender, place: Conversation) -> Standing:
        """Return what the rules make of an account in a place; a ban is not told here.

        Raises StoreUnavailable, and RetryLater while a platform does not tell its circles.
        """
        if await self._is_let_in(sender, place.platform, place):
            return Standing.ADMITTED
        way = self._policy.way(sender.identity, place.platform, place)
        return Standing.STRANGER if way is Way.CODE else Standing.UNLISTED

    async def circles_of(self, identity: Identity) -> frozenset[str]:
        """Return the circles of an account; none while nobody can tell; raises StoreUnavailable."""
        return await self._circles.surely_of(identity)

    async def circles_here(self, message: InboundMessage) -> frozenset[str]:
        """Return the circles of a message's sender; raises RetryLater while nobody can tell."""
        return await self._circles.of_sender(message.sender, message.conversation)

    async def _hears(self, sender: Sender, door: str, place: Conversation | None) -> bool:
        if await self._bans.of(sender.identity, self._clock.now()) is not None:
            return False
        try:
            return await self._is_let_in(sender, door, place)
        except StoreUnavailable:
            raise
        except RetryLater as error:
            why = {"user": sender.identity.key, "error": str(error)}
            log.warning("circles_not_known", extra=why)
            return False

    async def _is_let_in(self, sender: Sender, door: str, place: Conversation | None) -> bool:
        """Whether a list, a place, a code or a circle lets in who is not banned.

        Raises RetryLater when only a circle could, and nobody can tell.
        """
        identity = sender.identity
        match self._policy.way(identity, door, place):
            case Way.SHUT:
                return False
            case Way.LISTED | Way.OPEN | Way.PLACE:
                return True
            case Way.CODE if await self._is_paired(identity):
                return True
            case Way.CODE | Way.LIST:
                where = "" if place is None else place.workspace
                circles = await self._circles.of(identity, sender.circles, where)
                return self._policy.lists_one_of(circles)

    def _turned_away(self, message: InboundMessage, now: datetime) -> Refusal:
        """Turn away who is not let in; only what waits for an answer gets one."""
        place = message.conversation
        way = self._policy.way(message.sender.identity, place.platform, place)
        if way is Way.SHUT:
            return _place_disabled(message)
        if self._policy.mode(place.platform) is AccessMode.ALLOWLIST:
            return Refusal(message, reason="not_on_the_allowlist")
        if message.kind not in ANSWERED:
            return Refusal(message, reason="not_allowed")
        return _pairing_refusal(message, now) if way is Way.CODE else _not_listed_here(message)

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


def circles_unknown(message: InboundMessage, why: str) -> Refusal:
    """Return how a message is turned away while a platform does not say who its sender is."""
    log.warning("circles_not_known", extra={"event_id": message.event_id, "error": why})
    text = (
        "I could not find out whether this is for you, because "
        f"{message.conversation.platform.title()} does not tell me your roles now. I did not "
        "hear it; please try again in a minute."
    )
    return _answered(message, "circles_unknown", text)


def not_for_them(message: InboundMessage, role: str) -> Refusal:
    """Return how a message is turned away whose sender may talk, but not to this agent."""
    text = f'The agent "{role}" is not for you. Ask the operator of this bot.'
    return _answered(message, "agent_not_allowed", text)


def _answered(message: InboundMessage, reason: str, text: str) -> Refusal:
    is_told = message.kind in ANSWERED
    return Refusal(message, reason, told_why(message, text) if is_told else None)


def _place_disabled(message: InboundMessage) -> Refusal:
    """Turn away what nobody hears; only what the platform waits to have answered is answered."""
    text = "Nobody is heard here: the operator has turned me off in this place."
    is_told = message.handle is not None
    return Refusal(message, "place_disabled", told_why(message, text) if is_told else None)


def _not_listed_here(message: InboundMessage) -> Refusal:
    """Turn away what only the listed may say here; its writer is told once in each hour."""
    hour = int(message.sent_at.timestamp()) // 3_600
    of_hour = f"listed {message.sender.identity.key} {message.conversation.id} {hour}"
    text = (
        "Here I hear only those whom the operator has listed. Write to me in a direct message "
        "instead."
    )
    return Refusal(message, "not_listed_here", told_why(message, text, of_hour))


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
    text = (
        f"I don't know you yet. Your pairing code is **{code}**.\n\n"
        "Give it to the operator of this bot, who lets you in with "
        f"`postern pairing approve {code}`, or to an admin, who says `/pair {code}` to me. "
        "It is good for one hour."
    )
    return Refusal(message, "pairing_asked", told_why(message, text), pairing)


def _told_in(message: InboundMessage) -> ConversationId | None:
    """Return where a stranger is told that they may talk: not where it was shown to them alone."""
    place = message.conversation
    return None if message.is_private and not place.is_direct else place.id
