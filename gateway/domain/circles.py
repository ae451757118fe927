"""Circles: what accounts can be in, so that rules need not name each of them. Pure.

A circle is a role of a Discord server or a usergroup of a Slack workspace, written as
`discord:SERVER:@ROLE` or `slack:TEAM:@USERGROUP`. Everybody in a Discord server has the role
that has the server's own id ("Permissions", Discord's reference).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from gateway.domain.people import Identity

_SHAPES = {"discord": r"\d{1,20}:@\d{1,20}", "slack": r"[TE][A-Z0-9]+:@S[A-Z0-9]+"}


@dataclass(frozen=True, slots=True)
class Circle:
    """A role or a usergroup."""

    platform: str
    workspace: str
    """Discord server or Slack workspace."""
    id: str

    @property
    def key(self) -> str:
        """One string, never that of an account: `platform:workspace:@id`."""
        return f"{self.platform}:{self.workspace}:@{self.id}"

    @classmethod
    def parse(cls, key: str) -> Circle:
        """Read a key; raises ValueError with a sentence."""
        platform, _, rest = key.strip().partition(":")
        if not re.fullmatch(_SHAPES.get(platform, r"(?!)"), rest):
            raise ValueError(
                f'"{key.strip()[:80]}" is no circle; it reads discord:SERVER:@ROLE or '
                "slack:TEAM:@USERGROUP, with the platform's own ids."
            )
        workspace, _, name = rest.partition(":@")
        return cls(platform, workspace, name)


def is_circle(key: str) -> bool:
    """Whether a rule means a circle by this, not an account."""
    return ":@" in key


def circles_among(keys: Iterable[str]) -> tuple[Circle, ...]:
    """Return the circles that are named, in the order of their keys."""
    return tuple(Circle.parse(key) for key in sorted({key for key in keys if is_circle(key)}))


def names_one(keys: Collection[str], identity: Identity, circles: Collection[str]) -> bool:
    """Whether a list of accounts and circles means this account, which is in these circles."""
    return identity.key in keys or any(circle in keys for circle in circles)
