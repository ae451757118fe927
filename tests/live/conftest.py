"""What is opt-in here, and by which variables."""

import os

import pytest

LETTA_URL = "POSTERN_TEST_LETTA_URL"
APP_SERVER_URL = "POSTERN_TEST_APP_SERVER_URL"

_NEEDED = {
    "test_doors_real.py": LETTA_URL,
    "test_letta_real.py": LETTA_URL,
    "test_models_real.py": LETTA_URL,
    "test_meetings_real.py": LETTA_URL,
    "test_app_server_real.py": APP_SERVER_URL,
}

collect_ignore = [file for file, variable in _NEEDED.items() if variable not in os.environ]


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        f"letta_real: talks to the servers that {LETTA_URL} and {APP_SERVER_URL} name",
    )
