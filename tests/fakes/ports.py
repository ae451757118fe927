"""Ports for processes that bind them later, and again after they were killed."""

from __future__ import annotations

import random
import socket

_BELOW_EPHEMERAL = range(15_000, 30_000)
"""Whoever asks for port 0 gets one above these, so that nobody takes ours in between."""


def port_of_our_own() -> int:
    """Return a port of loopback that is free, and stays so unless somebody names it."""
    for port in random.SystemRandom().sample(_BELOW_EPHEMERAL, 100):
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue  # somebody has it
    raise RuntimeError("Of a hundred ports on this machine none is free.")
