"""The command as a process of its own: exit codes, what it imports, how it stops."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[4]

STUBBORN = """
import asyncio
from gateway.cli.running import run_until_stopped

async def serve(stop):
    print("serving", flush=True)
    await stop.wait()
    print("draining", flush=True)
    await asyncio.Event().wait()

run_until_stopped(serve)
"""

WILLING = """
from gateway.cli.running import run_until_stopped

async def serve(stop):
    print("serving", flush=True)
    await stop.wait()
    print("closed", flush=True)

run_until_stopped(serve)
"""

CRASHING = """
from gateway.cli.loading import load

load()
raise RuntimeError("could not log in with s3cr3t-token")
"""

IMPORTED = """
import sys
from gateway.cli import main
try:
    main()
finally:
    print(sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""

COUNTING = """
import atexit, gc
from gateway.cli import main
atexit.register(lambda: print(gc.get_freeze_count(), len(gc.get_objects())))
main()
"""


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gateway", *words]
    environment = {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=environment,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def start(program: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "serving\n"
    return process


def test_what_is_done_exits_with_0() -> None:
    done = run("config", "show")

    assert (done.returncode, done.stderr) == (0, "")
    assert "[http]" in done.stdout


def test_what_failed_exits_with_1_and_one_sentence_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "postern.toml").write_text("[htpp]\n")

    failed = run("config", "show")

    assert failed.returncode == 1
    assert failed.stdout == ""
    assert failed.stderr == ('"htpp" in postern.toml is no setting. The nearest is "http".\n')


@pytest.mark.parametrize("words", [["nope"], ["config", "show", "--nope"], ["pairing", "approve"]])
def test_wrong_usage_exits_with_2(words: list[str]) -> None:
    assert run(*words).returncode == 2


def test_help_loads_nothing_heavy() -> None:
    told = subprocess.run(
        [sys.executable, "-c", IMPORTED, "--help"],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT)},
        timeout=PATIENCE_SECONDS,
        check=True,
    )

    loaded = set(told.stderr.replace("'", "").strip("[]\n").split(", "))
    assert "typer" in loaded
    heavy = {"pydantic", "fastapi", "uvicorn", "httpx", "rich", "discord", "slack_bolt", "openai"}
    heavy |= {"letta_client", "prometheus_client", "sqlite3", "adapters", "agents", "storage"}
    assert not loaded & heavy


def test_the_traceback_of_a_bug_shows_no_secret() -> None:
    crashed = subprocess.run(
        [sys.executable, "-c", CRASHING],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "DISCORD_TOKEN": "s3cr3t-token"},
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert crashed.returncode == 1
    assert "could not log in with [hidden]" in crashed.stderr
    assert "s3cr3t" not in crashed.stderr


def test_the_version_is_shown() -> None:
    assert run("--version").stdout.startswith("postern ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_stops_cleanly(number: signal.Signals) -> None:
    process = start(WILLING)

    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 0
    assert out == "closed\n"
    assert err == "Stopping; once more stops at once.\n"


def test_the_second_signal_stops_at_once() -> None:
    process = start(STUBBORN)
    assert process.stdout is not None

    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "draining\n"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 1


def test_what_is_loaded_at_the_start_is_no_work_for_the_garbage_collector(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", COUNTING, "up"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(ROOT), "POSTERN_HTTP__PORT": "0"},
    )
    assert process.stderr is not None
    while not process.stderr.readline().startswith("Ready at"):
        assert process.poll() is None

    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=PATIENCE_SECONDS)

    left_alone, walked = map(int, output.split())
    assert left_alone > 50_000
    assert walked < left_alone / 4
