"""How many containers there are; read where it is deployed, and told to the containers."""

from __future__ import annotations

from collections.abc import Mapping

INGRESS_MIN = "POSTERN_MODAL_INGRESS_MIN"
"""0 costs nothing at rest, and loses Discord commands to cold starts."""
WORKER_MIN, WORKER_MAX = "POSTERN_MODAL_WORKER_MIN", "POSTERN_MODAL_WORKER_MAX"
"""On SQLite both are 1. With 0 at least, a worker runs only while there is something to do."""


def workers(environ: Mapping[str, str]) -> tuple[int, int]:
    """Return how many workers there are at least and at most."""
    least = int(environ.get(WORKER_MIN, "1"))
    return least, max(1, least, int(environ.get(WORKER_MAX, "1")))


def sleeps(environ: Mapping[str, str]) -> bool:
    """Whether at times there is no worker, so that somebody has to wake one."""
    return workers(environ)[0] == 0
