"""What is opt-in here, and by which variable."""

import os

import pytest

LETTA_URL = "POSTERN_TEST_LETTA_URL"

collect_ignore = [] if LETTA_URL in os.environ else ["test_letta_real.py"]


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", f"letta_real: talks to the Letta server that {LETTA_URL} names"
    )
