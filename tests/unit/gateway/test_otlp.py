"""Spans reach a real OTLP endpoint over HTTP, with the ids of the logs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from gateway.domain.spans import Span
from gateway.telemetry.otlp import OtlpCollector
from tests.fakes.collector import running_collector

BEGAN = datetime(2026, 1, 5, 9, 0, 0, 250, tzinfo=UTC)
ENDED = datetime(2026, 1, 5, 9, 0, 3, tzinfo=UTC)
TRACE = f"{'bccfac6bd3d9ab2f':0>32}"


async def test_a_span_arrives_as_it_was_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=abc")
    facts: dict[str, str | int] = {"postern.id": "turn-1", "postern.attempt": 2}
    parent, child = "00000000000000aa", "00000000000000bb"
    spans = [
        Span("turn", TRACE, parent, None, BEGAN, ENDED, facts),
        Span("attempt", TRACE, child, parent, BEGAN, ENDED, {}, "RuntimeUnavailable"),
    ]
    with running_collector() as collector:
        assert await OtlpCollector(collector.url).take(spans)

    turn, attempt = collector.spans
    assert turn.trace_id.hex() == TRACE
    assert (turn.span_id.hex(), turn.parent_span_id.hex()) == (parent, "")
    assert (attempt.span_id.hex(), attempt.parent_span_id.hex()) == (child, parent)
    assert turn.end_time_unix_nano - turn.start_time_unix_nano == 2_999_750_000
    values = {each.key: each.value for each in turn.attributes}
    assert values["postern.id"].string_value == "turn-1"
    assert values["postern.attempt"].int_value == 2
    assert turn.status.code == Status.STATUS_CODE_UNSET
    assert attempt.status.code == Status.STATUS_CODE_ERROR
    assert attempt.status.message == "RuntimeUnavailable"
    assert collector.headers[0]["x-key"] == "abc"


async def test_a_refusal_is_said() -> None:
    span = Span("turn", TRACE, "00000000000000aa", None, BEGAN, ENDED, {})
    with running_collector() as collector:
        collector.refuses = True
        assert not await OtlpCollector(collector.url).take([span])
    assert collector.spans == []
