"""How accounts are joined to one person, and separated again."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from gateway.domain.links import Linked, LinkOffer, LinkRefused, Unlinked, UnlinkRefused
from gateway.domain.people import Identity


class LinkStore(Protocol):
    """Which accounts are one person. Each method is one transaction.

    Linking moves an account, never a message: what was accepted before keeps its
    person, its lane and its agent. Bindings stay with the person they belong to,
    so an account that is separated again finds its own agents as they were.
    """

    async def offer(self, offer: LinkOffer) -> bool:
        """Keep the code in the place of the account's earlier one; False: too many of late."""
        ...

    async def link(self, code_hash: str, identity: Identity, now: datetime) -> Linked | LinkRefused:
        """Join the account that typed a code to the person of the one that was shown it.

        The same call again, by the account that is linked by this code, answers as
        the first did. Every code that does not exist counts as a try.
        """
        ...

    async def unlink(self, identity: Identity, now: datetime) -> Unlinked | UnlinkRefused:
        """Make the account a person of its own again."""
        ...
