"""`postern up` as its operator knows it: a process, its lines, its neighbours and its end."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.patience import PATIENCE_SECONDS
from tests.unit.gateway.cli.terminal import Terminal

ROOT = Path(__file__).parents[4]


class Gateway:
    """A running `postern up`, past its start."""

    def __init__(self, process: subprocess.Popen[str], lines: list[str]) -> None:
        self.process = process
        self.lines = lines
        self.url = lines[-1].removeprefix("Ready at ").strip()

    def end(self) -> str:
        """Wait for its end; returns what it still wrote."""
        return self.process.communicate(timeout=PATIENCE_SECONDS)[1]


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with subprocess.Popen(
        [sys.executable, "-m", "gateway", "up"],
        stderr=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(ROOT), "POSTERN_HTTP__PORT": "0"},
    ) as process:
        yield Gateway(process, list(_until_ready(process)))
        process.kill()


def _until_ready(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stderr is not None
    for line in process.stderr:
        yield line
        if line.startswith("Ready at "):
            return
    pytest.fail("The gateway ended before it was ready.")


def test_it_tells_what_is_on_and_serves(postern: Terminal, gateway: Gateway) -> None:
    assert [line.split()[:2] for line in gateway.lines[:3]] == [
        ["on", "web"],
        ["off", "Discord"],
        ["off", "Slack"],
    ]
    seen = postern.types("status", "--json")
    assert (seen.code, seen.json["url"], seen.json["ready"]) == (0, gateway.url, True)


def test_a_second_one_is_refused_with_pid_and_address(gateway: Gateway) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "gateway", "up"],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "POSTERN_HTTP__PORT": "0"},
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert second.returncode == 1
    assert second.stderr == (
        f'A gateway runs in ".postern" already: process {gateway.process.pid}, which answers at '
        f"{gateway.url}. Stop it first, or set data_dir (POSTERN_DATA_DIR) to another folder.\n"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_it_closes_and_lets_the_directory_go(
    postern: Terminal, gateway: Gateway, number: signal.Signals
) -> None:
    os.kill(gateway.process.pid, number)

    assert gateway.end() == "Stopping; once more stops at once.\n"
    assert gateway.process.returncode == 0
    assert postern.types("status").code == 1


def test_commands_on_the_database_work_beside_it(postern: Terminal, gateway: Gateway) -> None:
    assert postern.types("pairing", "list", "--json").json == []
    assert postern.types("db", "check").code == 0
    assert postern.types("db", "backup", "backup.db").code == 0
    assert gateway.process.poll() is None
