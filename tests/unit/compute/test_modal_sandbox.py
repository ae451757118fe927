"""What a Modal Sandbox is started with and how its answer is read; no Sandbox is started here."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from compute.backends.modal_sandbox import (
    RUNNER,
    ModalBackend,
    input_of,
    most_characters,
    read_run,
    sandbox_options,
)
from gateway.domain.compute import Job, Outcome, RunLimits
from tests.fakes.patience import PATIENCE_SECONDS

LIMITS = RunLimits(seconds=2.5, memory_bytes=300 * 2**20, answer_characters=100)


def test_the_backend_is_made_without_an_account() -> None:
    assert ModalBackend("postern-compute")


def test_a_sandbox_has_no_network_and_the_limits_of_the_run() -> None:
    options = sandbox_options(LIMITS)

    assert options["block_network"] is True
    assert options["memory"] == (128, 300)
    assert options["timeout"] == 63
    assert "secrets" not in options


def said(job: Job) -> str:
    """Return what the runner says of the job, run by this Python."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", RUNNER],
        input=input_of(job),
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_SECONDS,
    )
    return done.stdout


def test_the_runner_calls_the_function_and_keeps_prints_apart() -> None:
    source = "def f(a, b=0):\n    print('hi')\n    return [a, b]"
    job = Job(source, "f", json.dumps({"args": [1], "kwargs": {"b": "ä"}}), LIMITS)

    assert read_run(said(job), 0, LIMITS) == Outcome(True, '[1, "\\u00e4"]', "hi\n")


def test_the_runner_tells_of_an_exception() -> None:
    outcome = read_run(said(Job("def f():\n    1 / 0", "f", limits=LIMITS)), 0, LIMITS)

    assert (outcome.is_done, outcome.text) == (False, "ZeroDivisionError: division by zero")


def test_what_the_longest_answer_needs_is_allowed() -> None:
    source = """def f():\n    print('"' * 65_536)\n    return '"' * 49"""
    text = said(Job(source, "f", limits=LIMITS))

    assert len(text) <= most_characters(LIMITS)
    assert read_run(text, 0, LIMITS).is_done


@pytest.mark.parametrize(
    ("text", "code"), [(None, 0), ("", 137), ("nonsense", 0), ("[]", 0), ('{"answer": 1}', 0)]
)
def test_what_is_no_answer_is_a_failure(text: str | None, code: int) -> None:
    assert not read_run(text, code, LIMITS).is_done
