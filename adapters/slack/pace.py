"""How often drafts may use a method of Slack, so that final answers never wait for them."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping

WINDOW_SECONDS = 60.0

UPDATES_PER_MINUTE = 50
"""How many chat.update a workspace has in a minute (tier 3). Source:
docs.slack.dev/reference/methods/chat.update."""

DRAFT_CALLS_PER_MINUTE: Mapping[str, int] = {
    "chat.startStream": 15,
    "chat.appendStream": 90,
    "chat.postMessage": 20,
    "chat.update": 8,
}
"""Below each method's tier (20, 100, special, 50 a minute and workspace). Each draft that is
begun, by a stream or a post, takes one chat.update more for its final text: these and the
drafts' own edits stay below that method's tier together, so that no final text waits."""


class Pace:
    """Counts the calls that drafts make, for each workspace and method."""

    def __init__(self, limits: Mapping[str, int] = DRAFT_CALLS_PER_MINUTE) -> None:
        self._limits = limits
        self._calls: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)
        self._held_until: dict[tuple[str, str], float] = {}

    def take(self, team: str, method: str, now: float) -> bool:
        """Count a call, if there is room for it at this moment (seconds of any clock)."""
        key = (team, method)
        calls = self._calls[key]
        while calls and calls[0] <= now - WINDOW_SECONDS:
            calls.popleft()
        if len(calls) >= self._limits[method] or now < self._held_until.get(key, 0.0):
            return False
        calls.append(now)
        return True

    def hold(self, team: str, method: str, until: float) -> None:
        """Make no such call until then: Slack asked for it."""
        self._held_until[team, method] = until
