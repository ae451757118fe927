"""How a group of agents works together."""

from __future__ import annotations

from typing import Protocol

from gateway.domain.teams import TeamStep, Transcript


class Coordination(Protocol):
    """A way of working together. It only decides: the same transcript, the same step."""

    def decide(self, so_far: Transcript) -> TeamStep:
        """Say who is asked what next, that somebody is waited for, or the answer."""
        ...
