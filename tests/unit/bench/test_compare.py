"""What `bench compare` flags."""

from __future__ import annotations

from bench.compare import compare


def test_what_became_slower_is_flagged_as_a_ratio() -> None:
    before = {"ack": {"p50_ms": 2.0}, "turns_per_s": 1000, "rows": 5}
    after = {"ack": {"p50_ms": 3.0}, "turns_per_s": 500, "rows": 9}

    found = compare(before, after, allowed=1.6)

    assert found["worse_by"] == {"ack.p50_ms": 1.5, "turns_per_s": 2.0}
    assert found["regressions"] == ["turns_per_s"]


def test_what_became_faster_is_no_regression() -> None:
    found = compare({"p99_ms": 4.0, "done_per_s": 10}, {"p99_ms": 2.0, "done_per_s": 20}, 1.1)

    assert found["worse_by"] == {"p99_ms": 0.5, "done_per_s": 0.5}
    assert found["regressions"] == []


def test_a_slower_machine_is_told_apart() -> None:
    before, after = {"raw_fsync_4k": {"per_s": 200}}, {"raw_fsync_4k": {"per_s": 100}}

    found = compare(before, after, allowed=1.25)

    assert found["raw"] == {"raw_fsync_4k.per_s": 2.0}
    assert found["regressions"] == []


def test_a_latency_at_a_rate_is_better_when_it_is_smaller() -> None:
    found = compare({"ack_at_1000_per_s": {"p50_ms": 2}}, {"ack_at_1000_per_s": {"p50_ms": 4}}, 1)

    assert found["regressions"] == ["ack_at_1000_per_s.p50_ms"]


def test_a_figure_that_is_gone_is_named() -> None:
    assert compare({"p50_ms": 1.0}, {}, 1.25)["missing"] == ["p50_ms"]
