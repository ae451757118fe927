"""Rate limits per method and workspace: Slack's tiers as sliding windows. Off by default."""

import math
from collections import defaultdict, deque

from tests.platforms.slack_server.refusals import RateLimited

TIER_CALLS_PER_MINUTE = {1: 1, 2: 20, 3: 50, 4: 100}
# docs.slack.dev/apis/web-api/rate-limits and each method's page; what is absent here is tier 3.
METHOD_TIERS = {
    1: "apps.connections.open",
    2: """chat.startStream chat.stopStream conversations.list reactions.remove users.list
       usergroups.users.list""",
    3: """bots.info chat.update chat.delete conversations.open conversations.info
       conversations.history conversations.replies conversations.join reactions.add team.info
       auth.revoke assistant.threads.setTitle assistant.threads.setSuggestedPrompts""",
    4: """chat.appendStream chat.postEphemeral conversations.members users.info views.open
       views.publish views.update views.push files.getUploadURLExternal
       files.completeUploadExternal files.info oauth.v2.access""",
}
TIERS = {method: tier for tier, methods in METHOD_TIERS.items() for method in methods.split()}
# Published only as "hundreds per minute"; high enough never to be what a test meets by chance.
SPECIAL_CALLS_PER_MINUTE = {
    "auth.test": 600,
    "assistant.threads.setStatus": 600,
    "chat.getPermalink": 600,
}
POST_WORKSPACE_CALLS_PER_MINUTE = 300


class RateLimits:
    """Counts calls by key; the one that is too many is refused and does not count."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, ...], deque[float]] = defaultdict(deque)

    def count(self, method: str, team: str, channel: str, now: float) -> None:
        """Raise RateLimited when this call is beyond its method's tier in this workspace."""
        if method == "chat.postMessage":
            self._take((team, method, channel), most=1, seconds=1.0, now=now)
            self._take((team, method), POST_WORKSPACE_CALLS_PER_MINUTE, 60.0, now)
            return
        most = SPECIAL_CALLS_PER_MINUTE.get(method) or TIER_CALLS_PER_MINUTE[TIERS.get(method, 3)]
        self._take((team, method), most, 60.0, now)

    def _take(self, key: tuple[str, ...], most: int, seconds: float, now: float) -> None:
        calls = self._calls[key]
        while calls and calls[0] <= now - seconds:
            calls.popleft()
        if len(calls) >= most:
            raise RateLimited(max(1, math.ceil(calls[0] + seconds - now)))
        calls.append(now)
