"""Sends spans to an OpenTelemetry collector over OTLP/HTTP; imported only where one is named."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

from gateway.domain.spans import Span

_RESOURCE = Resource({"service.name": "postern"})


class OtlpCollector:
    """A collector at an address.

    Its headers, certificates, timeout and compression are those of the usual variables,
    `OTEL_EXPORTER_OTLP_HEADERS` and so on (OpenTelemetry's "Protocol Exporter" page).
    """

    def __init__(self, url: str) -> None:
        self._exporter = OTLPSpanExporter(f"{url}/v1/traces")

    async def take(self, spans: Sequence[Span]) -> bool:
        """Send them in one request, repeated for a while when the collector is busy."""
        readable = [_readable(span) for span in spans]
        result = await asyncio.to_thread(self._exporter.export, readable)
        return result is SpanExportResult.SUCCESS


def _readable(span: Span) -> ReadableSpan:
    failed = Status(StatusCode.ERROR, span.failure)
    return ReadableSpan(
        span.name,
        _context(span.trace, span.id),
        None if span.parent is None else _context(span.trace, span.parent),
        _RESOURCE,
        dict(span.facts),
        status=Status() if span.failure is None else failed,
        start_time=_nanoseconds(span.began),
        end_time=_nanoseconds(span.ended),
    )


def _context(trace: str, span: str) -> SpanContext:
    sampled = TraceFlags(TraceFlags.SAMPLED)
    return SpanContext(int(trace, 16), int(span, 16), is_remote=False, trace_flags=sampled)


def _nanoseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000) * 1_000
