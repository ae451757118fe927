"""Settings → Gateway. The only place that names concrete classes; vendors load when they are on."""

from __future__ import annotations

from gateway.bootstrap.admission import make_access
from gateway.bootstrap.agents import (
    agent_roster,
    claiming,
    memories,
    opened_agents,
    template_versions,
)
from gateway.bootstrap.choices import (
    audit_retention,
    retention,
    routes,
    worker_of,
)
from gateway.bootstrap.desks import PLATFORMS, Desks, desks, follow_zones
from gateway.bootstrap.doors import (
    LISTENER,
    Door,
    ListensFor,
    make_discord,
    make_doors,
    make_listener,
    make_slack,
    make_web,
    manifests,
)
from gateway.bootstrap.entry import (
    chat_here,
    chat_with,
    opened_around,
    opened_gateway,
    premises,
)
from gateway.bootstrap.hub import Plugged, Spokes, make_inbox, make_ticker, plug
from gateway.bootstrap.kept import Kept, KeptDatabase, kept
from gateway.bootstrap.letta import embedded_options, letta_options, served_letta
from gateway.bootstrap.minds import opened_mind
from gateway.bootstrap.servers import LookedAt, looked_at
from gateway.bootstrap.stores import clock_of, opened_artifacts, opened_store

__all__ = [
    "LISTENER",
    "PLATFORMS",
    "Desks",
    "Door",
    "Kept",
    "KeptDatabase",
    "ListensFor",
    "LookedAt",
    "Plugged",
    "Spokes",
    "agent_roster",
    "audit_retention",
    "chat_here",
    "chat_with",
    "claiming",
    "clock_of",
    "desks",
    "embedded_options",
    "follow_zones",
    "kept",
    "letta_options",
    "looked_at",
    "make_access",
    "make_discord",
    "make_doors",
    "make_inbox",
    "make_listener",
    "make_slack",
    "make_ticker",
    "make_web",
    "manifests",
    "memories",
    "opened_agents",
    "opened_around",
    "opened_artifacts",
    "opened_gateway",
    "opened_mind",
    "opened_store",
    "plug",
    "premises",
    "retention",
    "routes",
    "served_letta",
    "template_versions",
    "worker_of",
]
