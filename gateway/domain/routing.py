"""Which agent a message is for: the operator's rules, and which of them decides. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gateway.domain.circles import circles_among, names_one
from gateway.domain.conversations import Conversation
from gateway.domain.people import Identity, Mode, Route


@dataclass(frozen=True, slots=True)
class BindingRule:
    """Binds places, or people, to an agent. What is None matches everything."""

    role: str
    mode: Mode = Mode.PERSON
    platform: str | None = None
    workspace: str | None = None
    channel: str | None = None
    thread: str | None = None
    people: frozenset[str] = frozenset()
    """Keys of accounts and of circles; empty for everybody."""

    def matches(
        self, place: Conversation, identity: Identity, circles: Collection[str] = ()
    ) -> bool:
        """Whether the rule speaks about this account, in these circles, in this place."""
        wanted = (self.platform, self.workspace, self.channel, self.thread)
        given = (place.platform, place.workspace, place.channel, place.thread)
        is_here = all(want in (None, part) for want, part in zip(wanted, given, strict=True))
        return is_here and (not self.people or names_one(self.people, identity, circles))

    def weight(self, identity: Identity) -> tuple[int, int]:
        """How specific it is for an account: first by the place, then by whom it names.

        The account itself is more than a circle that it is in, and that more than everybody.
        """
        parts = (self.platform, self.workspace, self.channel, self.thread)
        depth = max((n for n, part in enumerate(parts, 1) if part is not None), default=0)
        return depth, 2 if identity.key in self.people else int(bool(self.people))

    def __str__(self) -> str:
        """Say what it matches, as `postern agents explain` shows it."""
        parts = (self.platform, self.workspace, self.channel, self.thread)
        place = ":".join(part or "*" for part in parts).rstrip(":*") or "everywhere"
        return f"{place} for {', '.join(sorted(self.people))}" if self.people else place


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a message goes, and why."""

    route: Route
    rule: int | None
    """Which rule decided, counted from 0 in the file's order; None when none speaks of it."""
    matching: tuple[int, ...] = ()
    """All rules that speak of it, the one that decided first."""
    is_allowed: bool = True
    """False when the agent is not for this account."""


@dataclass(frozen=True, slots=True)
class Routing(Mapping[str, Route]):
    """The agents that there are, the default one first, with the rules that choose among them."""

    routes: Mapping[str, Route]
    rules: Sequence[BindingRule] = ()
    access: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """By role, accounts and circles that may use it; a role without is for everybody."""
    groups: frozenset[str] = frozenset()
    """Those of the roles that are no agents, but groups of them."""

    @classmethod
    def of(cls, routes: Mapping[str, Route]) -> Routing:
        """Return the routing itself, or plain routes as one without rules."""
        return routes if isinstance(routes, Routing) else cls(routes)

    def __getitem__(self, role: str) -> Route:
        """Return how messages reach the agent where no rule speaks of it."""
        return self.routes[role]

    def __iter__(self) -> Iterator[str]:
        """Go through the roles, the default one first."""
        return iter(self.routes)

    def __len__(self) -> int:
        """Count the roles."""
        return len(self.routes)

    @property
    def agents(self) -> list[str]:
        """The roles without the groups."""
        return [role for role in self.routes if role not in self.groups]

    @property
    def of_each_person(self) -> list[str]:
        """The roles of which everybody who may talk has an agent of their own by default."""
        return [
            role
            for role, route in self.routes.items()
            if route.mode is Mode.PERSON and not self.access.get(role) and role not in self.groups
        ]

    @property
    def circle_platforms(self) -> frozenset[str]:
        """Where circles decide which agent answers, or for whom one is."""
        named = {key for rule in self.rules for key in rule.people}
        listed = {key for allowed in self.access.values() for key in allowed}
        return frozenset(each.platform for each in circles_among(named | listed))

    def decide(
        self,
        place: Conversation,
        identity: Identity,
        role: str | None = None,
        circles: Collection[str] = (),
    ) -> Decision:
        """Choose the agent and its mode: the most specific rule wins, of equals the first.

        Of a message that is addressed to a role only the rules for that role are asked.
        Who is not known to be in a circle is not in it. Raises KeyError for a role that
        there is not.
        """
        matching = [
            number
            for number, rule in enumerate(self.rules)
            if rule.matches(place, identity, circles) and role in (None, rule.role)
        ]
        matching.sort(key=lambda number: self.rules[number].weight(identity), reverse=True)
        if not matching:
            return self._decided(self.routes[role or next(iter(self.routes))], identity, circles)
        rule = self.rules[matching[0]]
        route = replace(self.routes[rule.role], mode=rule.mode)
        decided = self._decided(route, identity, circles)
        return replace(decided, rule=matching[0], matching=tuple(matching))

    def open_to(self, identity: Identity | None, circles: Collection[str] = ()) -> list[str]:
        """List the roles that this account may use, in order; None is nobody known."""
        return [role for role in self if self._is_open(role, identity, circles)]

    def _decided(self, route: Route, identity: Identity, circles: Collection[str]) -> Decision:
        return Decision(route, None, is_allowed=self._is_open(route.role, identity, circles))

    def _is_open(self, role: str, identity: Identity | None, circles: Collection[str]) -> bool:
        allowed = self.access.get(role)
        if not allowed:
            return True
        return identity is not None and names_one(allowed, identity, circles)
