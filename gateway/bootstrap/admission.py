"""Plugs together who may talk."""

from __future__ import annotations

from gateway.access import Access
from gateway.bootstrap.choices import access_policy
from gateway.ports import Clock, Store
from gateway.settings import Settings


def make_access(settings: Settings, store: Store, clock: Clock) -> Access:
    """Return who decides whom the gateway hears."""
    return Access(access_policy(settings), store.people, clock)
