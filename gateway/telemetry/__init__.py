"""What operators see of a running gateway: metrics, and logs without secrets."""

from __future__ import annotations

from gateway.telemetry.logs import set_up_logging
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.redaction import Redactor
from gateway.telemetry.traces import trace_of, traced

__all__ = ["Metrics", "Redactor", "set_up_logging", "trace_of", "traced"]
