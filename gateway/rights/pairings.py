"""Lets strangers in, or turns them away: one desk for commands, the CLI, the API and the page."""

from __future__ import annotations

from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import DeliveryId
from gateway.domain.people import Identity, Pairing
from gateway.errors import BadInput
from gateway.ports import Clock, PeopleStore
from gateway.rights.bans import Bans
from gateway.rights.pairing_codes import hash_code, read_code

WELCOME = "You may talk to me now. What you wrote before was not kept: please say it again."

_NO_NAMES = "`*_~|<>[]()@#!\\"


class Pairings:
    """Decides about strangers by the codes that they were shown, and tells who is let in.

    Only who knows the code decides: it shows that the stranger is who they say to whoever
    got it from them.
    """

    def __init__(self, people: PeopleStore, clock: Clock) -> None:
        self._people = people
        self._clock = clock
        self._bans = Bans(people)

    async def is_banned(self, identity: Identity) -> bool:
        """Whether nothing is heard of this account, whatever it may decide. Reads the store."""
        return await self._bans.of(identity, self._clock.now()) is not None

    async def waiting(self) -> list[Pairing]:
        """List who waits for an answer, oldest first."""
        return await self._people.pairings(self._clock.now())

    async def decide(self, typed: str, *, is_allowed: bool, by: str) -> Pairing:
        """Let the stranger with this code talk, or turn them away; returns who it is.

        Who is let in is told where they asked, by the same commit. `by` is for the log:
        an identity key, or `OPERATOR`. Raises BadInput for what is no live code.
        """
        code = read_code(typed)
        if code is None:
            raise BadInput(f'"{typed[:40]}" is not a pairing code, such as ABCD2345.')
        hashed = hash_code(code)
        waits = next((each for each in await self.waiting() if each.code_hash == hashed), None)
        decided = None
        if waits is not None:
            if is_allowed and await self.is_banned(waits.identity):
                raise BadInput(f"{shown(waits)} is banned. `/unban {waits.identity.key}` first.")
            decided = await self._people.decide_pairing(
                hashed,
                is_allowed=is_allowed,
                now=self._clock.now(),
                by=by,
                notice=_notice(waits) if is_allowed else None,
            )
        if decided is None:
            raise BadInput(
                f"Nobody waits with the code {code}. It was decided already, or its hour is over; "
                "a new message from the person gives a new code."
            )
        return decided


def shown(pairing: Pairing) -> str:
    """Return who it is: the name is what they call themselves, the account is who they are."""
    name = _name_of(pairing)
    return f"{name} (`{pairing.identity.key}`)" if name else f"`{pairing.identity.key}`"


def _notice(pairing: Pairing) -> NewDelivery | None:
    if pairing.conversation is None:
        return None
    place = Conversation.parse(pairing.conversation)
    name = "" if place.is_direct else _name_of(pairing)
    text = f"{name}: {WELCOME}" if name else WELCOME
    return NewDelivery(DeliveryId(f"paired-{pairing.code_hash[:24]}"), place, text)


def _name_of(pairing: Pairing) -> str:
    """Return the name without what platforms would take for a mention, a link or a style."""
    return "".join(c for c in pairing.name if c.isprintable() and c not in _NO_NAMES)[:60].strip()
