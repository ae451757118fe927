"""All that the web door works on; bootstrap hands it in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.web.activity import ActivityDoor
from adapters.web.adapter import WebAdapter
from adapters.web.files import FileDoor
from adapters.web.guard import WebOptions
from adapters.web.pairings import PairingDoor
from adapters.web.tokens import TokenDoor
from gateway.domain.conversations import Conversation
from gateway.domain.people import Sender, Standing
from gateway.domain.routing import Routing
from gateway.ports import DeliveryStore, HistoryStore

if TYPE_CHECKING:
    from adapters.web.sign_in import SignIn

StandingOf = Callable[[Sender, Conversation], Awaitable[Standing]]
"""Tells what the rules make of somebody in a conversation. Raises RetryLater."""


async def always_admitted(sender: Sender, place: Conversation) -> Standing:
    """Say that everybody is heard."""
    return Standing.ADMITTED


@dataclass(frozen=True, slots=True)
class WebParts:
    """What stands behind the routes."""

    adapter: WebAdapter
    history: HistoryStore
    deliveries: DeliveryStore
    routing: Routing
    """Which agents there are, and for whom."""
    options: WebOptions
    files: FileDoor | None = None
    activity: ActivityDoor | None = None
    tokens: TokenDoor | None = None
    pairings: PairingDoor | None = None
    sign_in: SignIn | None = None
    """None where the page asks nobody to sign in."""
    standing_of: StandingOf = always_admitted
    """What a page asks, so that nobody writes to an agent who is not heard."""
