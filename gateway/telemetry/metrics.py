"""Every metric that Postern keeps, by name. Labels are few and never name a person."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

from gateway.ports import Health, StoreCounts

CONTENT_TYPE = CONTENT_TYPE_LATEST
"""Of what `Metrics.render` returns."""

_WAIT_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900)


class Metrics:
    """The metrics of one gateway, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        """Parts that are not of the hub add theirs here, as `postern_<part>_…`."""

        # What happened. `outcome` says how it ended, with the words of docs/operating.md.
        self.messages = self._counter("messages", "Messages that came in.", "platform", "outcome")
        self.turns = self._counter("turns", "Turns that ended.", "outcome")
        self.turns_postponed = self._counter("turns_postponed", "Turns given back for later.")
        self.turns_over_budget = self._counter(
            "turns_over_budget", "Turns that no model was called for: a budget was used up."
        )
        self.tokens = self._counter("tokens", "Tokens that models read and wrote.", "role")
        self.tool_calls = self._counter("tool_calls", "Tool calls carried out.", "outcome")
        self.deliveries = self._counter("deliveries", "Tries to send.", "platform", "outcome")
        self.fires = self._counter("fires", "Slots of schedules that came.", "outcome")
        self.wakeups = self._counter("wakeups", "What slots that fired came to.", "result")

        # How long it took.
        self.turn_seconds = self._histogram(
            "turn_seconds", "From a turn's first claim to its end.", _WAIT_SECONDS
        )
        self.first_text_seconds = self._histogram(
            "first_text_seconds", "From a turn's first claim to its first text.", _WAIT_SECONDS
        )
        self.fire_late_seconds = self._histogram(
            "fire_late_seconds", "From a slot's due moment to its commit.", _WAIT_SECONDS
        )

        # How things stand.
        self.channel_ready = self._gauge("channel_ready", "1 while it is connected.", "platform")
        self.lanes_ready = self._gauge("lanes_ready", "Lanes that wait for a turn.")
        self.messages_waiting = self._gauge("messages_waiting", "Messages in no turn yet.")
        self.turns_running = self._gauge("turns_running", "Turns that are claimed.")
        self.deliveries_open = self._gauge("deliveries_open", "Deliveries not settled.")
        self.turns_failed = self._gauge("turns_failed", "Turns that ended as failed.")
        self.deliveries_failed = self._gauge("deliveries_failed", "Deliveries given up.")

    def show_counts(self, counts: StoreCounts) -> None:
        """Bring the gauges to what the store counted."""
        self.lanes_ready.set(counts.lanes_ready)
        self.messages_waiting.set(counts.messages_waiting)
        self.turns_running.set(counts.turns_running)
        self.deliveries_open.set(counts.deliveries_open)
        self.turns_failed.set(counts.turns_failed)
        self.deliveries_failed.set(counts.deliveries_failed)

    def show_channels(self, channels: Mapping[str, Health]) -> None:
        """Bring the gauges to how the channels are."""
        for platform, health in channels.items():
            self.channel_ready.labels(platform=platform).set(health.is_ready)

    def render(self) -> bytes:
        """Return all metrics in the Prometheus text format, for `GET /metrics`."""
        return generate_latest(self.registry)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"postern_{name}", meaning, labels, registry=self.registry)

    def _histogram(self, name: str, meaning: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"postern_{name}", meaning, buckets=buckets, registry=self.registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(f"postern_{name}", meaning, labels, registry=self.registry)
