"""The app with the admin API over a store in memory, called without a socket."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx

from agents.scripted import ScriptedAgents
from gateway.bootstrap.desks import PLATFORMS
from gateway.bootstrap.doors import make_api
from gateway.http import Vitals, create_app
from gateway.settings import Settings
from gateway.telemetry import Metrics
from storage.memory.store import MemoryStore

__all__ = ["NOW", "PLATFORMS", "TOKEN", "StillClock", "api_client"]

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
TOKEN = "t" * 32


class StillClock:
    """A clock that stands."""

    def now(self) -> datetime:
        """Return the same moment always."""
        return NOW


def api_client(
    store: MemoryStore, *, settings: Settings | None = None, token: str | None = TOKEN
) -> httpx.AsyncClient:
    """Return a client that sends `token`, of a gateway with these settings."""
    settings = settings or Settings.model_validate({"http": {"admin_token": TOKEN}})
    vitals = Vitals(store, ScriptedAgents(), {})
    router = make_api(settings, store, StillClock())
    app = create_app(vitals, store, Metrics(), [router])
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers)
