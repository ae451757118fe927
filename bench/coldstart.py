"""How soon a new ingress acknowledges its first event, beside what an empty Python takes."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path

from deploy.ingress import slack_signature
from gateway.domain.handed import SLACK, Handed

ROOT = Path(__file__).resolve().parent.parent
SECRET = "bench"  # noqa: S105 - nobody's
DEADLINE_SECONDS = 30.0
_MEASURE_IMPORT = """
import time
begun = time.perf_counter()
import {module}
print(time.perf_counter() - begun)
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say how often to measure."""
    parser.add_argument("--repeats", type=int, default=5, help="processes of each kind")


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Return medians in milliseconds; the first process of each kind warms the disk's cache."""
    repeats: int = arguments.repeats
    return {
        "python_start_ms": _median(_python_start, repeats),
        "import_ingress_ms": _median(lambda: _import("deploy.ingress"), repeats),
        "import_modal_app_ms": _median(lambda: _import("deploy.modal_app"), repeats),
        "import_keeper_ms": _median(lambda: _import("deploy.ingress, deploy.keeper"), repeats),
        "import_worker_ms": _median(lambda: _import("deploy.worker"), repeats),
        "first_ack_ms": _median(_first_ack, repeats),
        "goal_import_ingress_ms": 500,
        "goal_import_worker_ms": 1500,
        "goal_first_ack_ms": 1000,
    }


def _median(measure: Callable[[], float], repeats: int) -> float:
    measure()
    return round(statistics.median(measure() for _ in range(repeats)) * 1000, 1)


def _python_start() -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.perf_counter() - begun


def _import(module: str) -> float:
    """Return how long the import takes in a new process, without the start of Python."""
    code = _MEASURE_IMPORT.format(module=module)
    done = subprocess.run(  # noqa: S603 - this Python
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def _first_ack() -> float:
    """Return the time from the start of a process to its first 200 for a signed event."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        begun = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 - this Python
            [sys.executable, "-m", "bench.coldstart", str(listener.fileno())],
            cwd=ROOT,
            pass_fds=[listener.fileno()],
        )
        try:
            return _ask(port) - begun
        finally:
            process.terminate()
            process.wait()


def _ask(port: int) -> float:
    """Send one event, which waits in the socket until somebody listens; return when it is back."""
    body = json.dumps({"type": "event_callback", "event_id": "Ev1"}).encode()
    stamp = str(int(time.time()))
    headers = {
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": slack_signature(SECRET, stamp, body),
    }
    connection = HTTPConnection("127.0.0.1", port, timeout=DEADLINE_SECONDS)
    connection.request("POST", SLACK, body, headers)
    status = connection.getresponse().status
    connection.close()
    if status != 200:
        raise SystemExit(f"The ingress answered {status}.")
    return time.perf_counter()


def _serve(descriptor: int) -> None:
    """Serve an ingress whose queue takes everything at once: what is left is ours."""
    import uvicorn

    from deploy.ingress import Keys, make_ingress

    async def hand_over(handed: Handed) -> None:
        """Take it."""

    app = make_ingress(Keys(slack_signing_secret=SECRET), hand_over, lambda: datetime.now(UTC))
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
    listener = socket.socket(fileno=os.dup(descriptor))
    asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
