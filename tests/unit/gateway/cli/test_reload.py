"""Other settings for a gateway that runs: taken as a whole, or not at all; nothing is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.cli.reloading import SIGNAL
from tests.fakes.patience import PATIENCE_SECONDS
from tests.unit.gateway.cli.terminal import Terminal

ROOT = Path(__file__).parents[4]
FILE = Path("postern.toml")
OPEN = """
[model]
word_seconds = 0.001
"""
CLOSED = """
[access]
web = "allowlist"
"""


class Gateway:
    """A running `postern up`, and what it logs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.url = self.until("Ready at ").removeprefix("Ready at ").strip()
        self.web = httpx.Client(base_url=self.url, timeout=PATIENCE_SECONDS)
        self.web.get("/")

    def until(self, words: str) -> str:
        """Return the next line that has the words."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if words in line:
                return line
        pytest.fail(f"The gateway ended before it said: {words}")

    def logs(self, event: str) -> dict[str, Any]:
        """Return the next line of this event."""
        return json.loads(self.until(f'"{event}"'))

    def takes(self, settings: str) -> None:
        """Write the file, and ask for it."""
        FILE.write_text(settings)
        os.kill(self.process.pid, SIGNAL)

    def answers(self, text: str) -> list[str]:
        """Write; return what comes back, which is nothing for who is not let in."""
        said = self.web.post("/chat", json={"agent_id": "postern", "message": text})
        if said.status_code == 403:
            return []
        return [each["text"] for each in said.raise_for_status().json()["messages"]]


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    FILE.write_text(OPEN)
    with subprocess.Popen(
        [sys.executable, "-m", "gateway", "up"],
        stderr=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(ROOT), "POSTERN_HTTP__PORT": "0"},
    ) as process:
        gateway = Gateway(process)
        yield gateway
        gateway.web.close()
        process.kill()


def test_it_goes_on_with_what_is_new(postern: Terminal, gateway: Gateway) -> None:
    assert gateway.answers("Hello")
    FILE.write_text(CLOSED)

    asked = postern.types("reload", POSTERN_HTTP__PORT="0")

    assert (asked.code, asked.err) == (0, "")
    assert asked.out.startswith(f"Process {gateway.process.pid} reads the settings")
    assert gateway.logs("settings_read")["changed"] == "model.word_seconds, access.web"
    assert gateway.until("Ready at ") == f"Ready at {gateway.url}\n"
    assert gateway.answers("Hello again") == []
    assert gateway.process.poll() is None


def test_nobody_who_connects_meanwhile_is_turned_away(gateway: Gateway) -> None:
    is_over = threading.Event()
    with ThreadPoolExecutor() as threads:
        statuses = threads.submit(_knock, gateway.url, is_over)
        for seconds in ("0.02", "0.01"):
            gateway.takes(f"[model]\nword_seconds = {seconds}\n")
            gateway.until("Ready at ")
        is_over.set()

    assert set(statuses.result()) == {200}


def test_who_waits_for_an_answer_is_told_where_it_will_be(gateway: Gateway) -> None:
    gateway.takes("[model]\nword_seconds = 3.0\n")
    gateway.until("Ready at ")
    with ThreadPoolExecutor() as threads:
        said = {"agent_id": "postern", "message": "Who are you?"}
        waits = threads.submit(gateway.web.post, "/chat", json=said)
        gateway.logs("turn_claimed")
        gateway.takes("[model]\nword_seconds = 0.001\n")
        gateway.until("Ready at ")
        told = waits.result()

    again = {"Idempotency-Key": told.headers["Idempotency-Key"]}
    answer = gateway.web.post("/chat", json=said, headers=again)
    assert (told.status_code, told.json()["messages"]) == (202, [])
    assert (answer.status_code, len(answer.json()["messages"])) == (200, 1)


def _knock(url: str, is_over: threading.Event) -> list[int]:
    """Open one connection after the other; return what each was answered."""
    statuses: list[int] = []
    while not is_over.wait(0.005):
        statuses.append(httpx.get(f"{url}/health", timeout=PATIENCE_SECONDS).status_code)
    return statuses


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("[access]\nwbe = 1", "access.wbe"),
        ("[access", "not valid TOML"),
        ('[approvals]\ntools = ["no_such_tool"]', "no_such_tool"),
    ],
)
def test_what_is_wrong_changes_nothing(gateway: Gateway, wrong: str, sentence: str) -> None:
    gateway.takes(wrong)

    assert sentence in gateway.logs("settings_refused")["error"]
    assert gateway.answers("Hello")

    gateway.takes(CLOSED)
    gateway.logs("settings_read")
    gateway.until("Ready at ")
    assert gateway.answers("Hello") == []


def test_what_the_process_holds_needs_a_restart(gateway: Gateway) -> None:
    gateway.takes('data_dir = "elsewhere"\n' + CLOSED)

    assert gateway.logs("settings_need_a_restart")["settings"] == "data_dir, database_url"
    gateway.until("Ready at ")
    assert gateway.answers("Hello") == []
    assert not Path("elsewhere").exists()


def test_what_is_wrong_is_said_before_anybody_is_asked(postern: Terminal, gateway: Gateway) -> None:
    FILE.write_text("[access")

    seen = postern.types("reload", POSTERN_HTTP__PORT="0")

    assert seen.code == 1
    assert "not valid TOML" in seen.err
    FILE.write_text(CLOSED)
    os.kill(gateway.process.pid, SIGNAL)
    assert gateway.logs("settings_read")["changed"] == "model.word_seconds, access.web"


def test_without_a_gateway_nobody_is_asked(postern: Terminal) -> None:
    seen = postern.types("reload")

    assert seen.code == 1
    assert seen.err == 'No gateway runs in ".postern". `postern up` starts one.\n'
