"""What the settings make of the hub's own options. Pure, but for names that must be new."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterable
from datetime import time, timedelta

from pydantic import SecretStr

from gateway.approvals import ApprovalOptions
from gateway.budgets import BudgetPolicy, Limits
from gateway.domain.circles import is_circle
from gateway.domain.conversations import Conversation
from gateway.domain.ids import WorkerId
from gateway.domain.people import Mode, Route
from gateway.domain.places import PlaceRules
from gateway.domain.routing import BindingRule, Routing
from gateway.freshness import Freshness
from gateway.models import Models
from gateway.place import PlaceOptions
from gateway.ports import NoteStore
from gateway.renewals import Ends, RenewalPolicy
from gateway.retries import RetryPolicy
from gateway.rights.policy import AccessMode, AccessPolicy
from gateway.settings import Settings
from gateway.tool_calls import ToolLimits
from gateway.turn_runner import TurnOptions


def worker_of(settings: Settings) -> WorkerId:
    """Return the name under which this process holds leases.

    On SQLite one process serves a data directory, so its predecessor's leases
    are its own; on Postgres each of many has a name that was never used before.
    """
    if settings.sqlite_path is not None:
        return WorkerId("local")
    return WorkerId(f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}")


def place_options(settings: Settings, longest_seconds: float) -> PlaceOptions:
    """Return how long a dead process keeps its place: no longer than it keeps its turns."""
    seconds = min(longest_seconds, settings.turns.lease_seconds)
    return PlaceOptions(timedelta(seconds=seconds), seconds / 4.5)


def routes(settings: Settings) -> Routing:
    """Return the agents that messages can be for, the default one first, and what binds them."""
    every = {
        agent.name: Route(
            role=agent.name,
            mode=Mode.SHARED if agent.shared else Mode.PERSON,
            quiet_seconds=settings.turns.quiet_seconds,
            max_wait_seconds=settings.turns.max_wait_seconds,
        )
        for agent in settings.agents
    }
    default = settings.agents[0].name
    rules = [
        BindingRule(
            role=rule.agent or default,
            mode=rule.mode,
            platform=rule.platform,
            workspace=rule.workspace,
            channel=rule.channel,
            thread=rule.thread,
            people=_members(settings, rule.people),
        )
        for rule in settings.bindings
    ]
    access = {a.name: _members(settings, a.access) for a in settings.agents if a.access}
    groups = frozenset(group.name for group in settings.groups)
    every |= {group.name: Route(group.name) for group in settings.groups}
    return Routing(every, rules, access, groups)


def access_policy(settings: Settings) -> AccessPolicy:
    """Return who may talk on each platform; whoever has this machine's terminal may."""
    access = settings.access
    modes = {
        "discord": access.discord,
        "slack": access.slack,
        "web": access.web,
        "console": AccessMode.OPEN,
    }
    allowed, places = _members(settings, access.allow), frozenset(access.places)
    rules = place_rules(settings)
    return AccessPolicy(modes, allowed, places, access.pairing_in_channels, rules)


def place_rules(settings: Settings) -> PlaceRules:
    """Return what is heard where."""
    return PlaceRules({each.place: each.policy for each in settings.places})


def named_circles(settings: Settings) -> frozenset[str]:
    """Return the roles and usergroups that decide something, by their keys."""
    routing = routes(settings)
    named = {key for rule in routing.rules for key in rule.people}
    listed = {key for allowed in routing.access.values() for key in allowed}
    every = named | listed | access_policy(settings).allowed
    return frozenset(key for key in every if is_circle(key))


def _members(settings: Settings, keys: Iterable[str]) -> frozenset[str]:
    """Return the accounts and circles that are meant, those of named circles among them."""
    circles = {f"@{circle.name}": circle.members for circle in settings.circles}
    return frozenset(member for key in keys for member in circles.get(key, (key,)))


def budget_policy(settings: Settings) -> BudgetPolicy:
    """Return what a day may cost."""
    budgets = settings.budgets
    of_agent = Limits(budgets.agent_turns, budgets.agent_tokens)
    return BudgetPolicy(
        person=Limits(budgets.person_turns, budgets.person_tokens),
        agents={agent.name: of_agent for agent in settings.agents},
        schedule=Limits(budgets.schedule_turns, budgets.schedule_tokens),
        unlimited=frozenset(budgets.unlimited),
    )


def models(settings: Settings, notes: NoteStore) -> Models:
    """Return what people may choose from, and where their choices are."""
    every = settings.letta.models
    allowed = {
        agent.name: every if agent.models is None else agent.models for agent in settings.agents
    }
    return Models(notes, allowed)


def retention(settings: Settings) -> timedelta | None:
    """Return how long texts are kept; None for ever."""
    days = settings.retention.days
    return None if days is None else timedelta(days=days)


def renewal_policy(settings: Settings) -> RenewalPolicy:
    """Return when conversations begin anew by themselves."""
    sessions = settings.sessions
    return RenewalPolicy(
        _ends(sessions.dm_idle_hours, sessions.dm_daily_at),
        _ends(sessions.channel_idle_hours, sessions.channel_daily_at),
        _ends(sessions.thread_idle_hours, sessions.thread_daily_at),
        sessions.timezone,
    )


def _ends(idle_hours: float | None, daily_at: str | None) -> Ends:
    return Ends(
        None if idle_hours is None else timedelta(hours=idle_hours),
        None if daily_at is None else time.fromisoformat(daily_at),
    )


def audit_retention(settings: Settings) -> timedelta | None:
    """Return how long the audit log is kept; None for ever."""
    days = settings.retention.audit_days
    return None if days is None else timedelta(days=days)


def secret(value: SecretStr | None) -> str:
    """Return the secret itself; empty when it is not set."""
    return value.get_secret_value() if value is not None else ""


def freshness(settings: Settings) -> Freshness:
    """Return how old an answer may be."""
    late, unsent = settings.turns.late_seconds, settings.turns.unsent_seconds
    return Freshness(
        timedelta(seconds=late) if late else None, timedelta(seconds=unsent) if unsent else None
    )


def turn_options(settings: Settings, retry: RetryPolicy) -> TurnOptions:
    """Return the limits of a turn, and which of its calls need a yes."""
    turns, approvals = settings.turns, settings.approvals
    return TurnOptions(
        deadline_seconds=turns.deadline_seconds,
        max_tool_rounds=turns.max_tool_rounds,
        tools=ToolLimits(turns.parallel_calls, turns.same_calls),
        tool_lines=turns.tool_lines,
        approvals=ApprovalOptions(
            frozenset(approvals.approvers),
            frozenset(approvals.tools),
            timedelta(seconds=approvals.timeout_seconds),
            channel=Conversation.parse(approvals.channel) if approvals.channel else None,
        ),
        admins=frozenset(settings.access.admins),
        most_in_background=max(1, turns.per_person - 1),
        retry=retry,
        freshness=freshness(settings),
        quoted_messages=turns.quoted_messages,
        places=place_rules(settings),
    )
