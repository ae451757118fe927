"""Rate limits: buckets per route and place, the global 50/s, and the ban for invalid requests.

Off unless switched on. Numbers are settings, since Discord publishes headers and no table.
"""

from collections import deque
from dataclasses import dataclass, field
from zlib import crc32

from tests.platforms.discord_server.clock import Clock
from tests.platforms.discord_server.wire import Json


@dataclass(frozen=True, slots=True)
class Bucket:
    """So many requests in so many seconds, counted per channel, guild or webhook."""

    limit: int
    per_seconds: float


@dataclass(slots=True)
class Window:
    """One bucket at work: what is left until it fills up again."""

    remaining: int
    resets_at: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request may go on, and the headers its answer carries."""

    headers: dict[str, str]
    refusal: Json | None = None
    """The body of a 429, when the request may not go on."""


def _default_buckets() -> dict[str, Bucket]:
    return {
        "POST /channels/{channel_id}/messages": Bucket(5, 5.0),
        "PATCH /channels/{channel_id}/messages/{message_id}": Bucket(5, 5.0),
        "DELETE /channels/{channel_id}/messages/{message_id}": Bucket(5, 1.0),
        "PUT /channels/{channel_id}/messages/{message_id}/reactions/{emoji}/@me": Bucket(1, 0.25),
        "POST /channels/{channel_id}/typing": Bucket(5, 5.0),
        "POST /webhooks/{webhook_id}/{webhook_token}": Bucket(5, 2.0),
    }


@dataclass
class Limits:
    """Judges every request. `enabled=False`: no headers, no 429."""

    clock: Clock
    enabled: bool = False
    global_per_second: int = 50
    buckets: dict[str, Bucket] = field(default_factory=_default_buckets)
    """By "METHOD /route/{template}"; routes that are not listed have no bucket of their own."""

    invalid_limit: int | None = None
    """Answers 401, 403, 429 within 10 min before a ban; Discord's is 10,000. None: no ban."""

    refused: int = 0
    """429s answered so far."""

    _windows: dict[tuple[str, str], Window] = field(default_factory=dict[tuple[str, str], Window])
    _global: Window = field(default_factory=lambda: Window(0, 0.0))
    _invalid: deque[float] = field(default_factory=deque[float])

    def set_bucket(self, route: str, limit: int, per_seconds: float) -> None:
        """Switch limits on, with this bucket for one route."""
        self.enabled = True
        self.buckets[route] = Bucket(limit, per_seconds)

    def judge(self, route: str, place: str, *, counts_globally: bool) -> Verdict:
        """Count one request against the global limit, then against its bucket."""
        if not self.enabled:
            return Verdict({})
        now = self.clock.now()
        if counts_globally and not self._take_global(now):
            return self._refuse(max(0.0, self._global.resets_at - now), {}, "global")
        bucket = self.buckets.get(route)
        if bucket is None:
            return Verdict({})
        window = self._window(route, place, bucket, now)
        is_allowed = window.remaining > 0
        if is_allowed:
            window.remaining -= 1
        headers = _bucket_headers(route, bucket, window, now)
        if is_allowed:
            return Verdict(headers)
        return self._refuse(window.resets_at - now, headers, "user")

    def note_answer(self, status: int, scope: str | None) -> None:
        """Count an invalid request; a 429 of scope "shared" does not count."""
        if status in (401, 403) or (status == 429 and scope != "shared"):
            self._invalid.append(self.clock.now())

    def is_banned(self) -> bool:
        """Tell whether this address sent too many invalid requests in 10 minutes."""
        if self.invalid_limit is None:
            return False
        while self._invalid and self._invalid[0] < self.clock.now() - 600:
            self._invalid.popleft()
        return len(self._invalid) >= self.invalid_limit

    def _window(self, route: str, place: str, bucket: Bucket, now: float) -> Window:
        window = self._windows.get((route, place))
        if window is None or now >= window.resets_at:
            window = Window(bucket.limit, now + bucket.per_seconds)
            self._windows[(route, place)] = window
        return window

    def _take_global(self, now: float) -> bool:
        if now >= self._global.resets_at:
            self._global = Window(self.global_per_second, now + 1.0)
        self._global.remaining -= 1
        return self._global.remaining >= 0

    def _refuse(self, wait: float, headers: dict[str, str], scope: str) -> Verdict:
        self.refused += 1
        return too_many(wait, scope, headers)


def too_many(wait_seconds: float, scope: str, headers: dict[str, str] | None = None) -> Verdict:
    """Make a 429. Its Via header tells discord.py that it comes from Discord, not Cloudflare."""
    is_global = scope == "global"
    marks = {"Via": "1.1 google", "Retry-After": str(int(wait_seconds) + 1)}
    marks["X-RateLimit-Scope"] = scope
    if is_global:
        marks["X-RateLimit-Global"] = "true"
    body: Json = {
        "message": "You are being rate limited.",
        "retry_after": round(wait_seconds, 3),
        "global": is_global,
        "code": 0,
    }
    return Verdict({**(headers or {}), **marks}, body)


def _bucket_headers(route: str, bucket: Bucket, window: Window, now: float) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(bucket.limit),
        "X-RateLimit-Remaining": str(window.remaining),
        "X-RateLimit-Reset": f"{window.resets_at:.3f}",
        "X-RateLimit-Reset-After": f"{max(0.0, window.resets_at - now):.3f}",
        "X-RateLimit-Bucket": f"{crc32(route.encode()):08x}",
    }
