"""Letta's ordinary SDK usage, unchanged, against `postern letta serve` as a real process."""

import os
import subprocess
import sys
from collections.abc import Callable, Generator

import pytest
from letta_client import Letta

from tests.contracts.letta_api.examples import EXAMPLES, Place
from tests.fakes.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.crash


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Generator[Place]:
    """A server with its own database, offline, on a free port."""
    folder = tmp_path_factory.mktemp("serve")
    kept = ("PATH", "HOME", "LANG", "VIRTUAL_ENV")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    serve = ["-m", "gateway", "letta", "serve", "--port", "0", "--data", str(folder / "letta.db")]
    process = subprocess.Popen(
        [sys.executable, *serve],
        cwd=folder,
        env={**environment, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        lines = (line for line in process.stderr if "Serving Letta's API at" in line)
        url = next(lines).split()[-1]
        with Letta(base_url=url, api_key="none", max_retries=0) as client:
            yield Place(client)
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_SECONDS)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.__name__)
def test_the_sdk_works_unchanged(place: Place, example: Callable[[Place], None]) -> None:
    example(place)
