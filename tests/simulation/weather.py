"""What goes wrong in a seed, and how often. Drawn once, so that seeds differ in kind."""

from __future__ import annotations

from dataclasses import dataclass, fields
from random import Random


@dataclass(frozen=True, slots=True)
class Weather:
    """Chances at each edge (a moment before or after a port's call), unless said otherwise."""

    crash: float = 0.0
    """The worker dies here; another begins in its place."""
    freeze: float = 0.0
    """The worker stops for longer than its leases, and goes on as if nothing had happened."""
    store_busy: float = 0.0
    """Nothing happened, and the caller is told so."""
    answer_lost: float = 0.0
    """It was committed, and the caller is told that it was not."""
    runtime_fault: float = 0.0
    """The agents are not reached, or their stream is cut."""
    send_fault: float = 0.0
    """429, 5xx, a timeout or a cut connection, before the platform acts or after."""
    lands_late: float = 0.0
    """A post whose sender gave up on it, and which appears all the same."""
    refused: float = 0.0
    """The platform will never show it."""
    signal_lost: float = 0.0
    """Another worker is not told of a commit (NOTIFY lost)."""
    duplicate: float = 0.0
    """An event is delivered again though it was acknowledged."""
    slow: float = 0.0
    """A call takes seconds."""
    restart: float = 0.0
    """Each ten seconds: a worker is stopped in good order."""
    clock_step: float = 0.0
    """Each ten seconds: a worker's clock is set, by up to two hours either way."""
    outage: float = 0.0
    """Each ten seconds: the agents' server is down for a while."""


STORMS = Weather(
    crash=0.012,
    freeze=0.006,
    store_busy=0.03,
    answer_lost=0.03,
    runtime_fault=0.06,
    send_fault=0.3,
    lands_late=0.2,
    refused=0.03,
    signal_lost=0.7,
    duplicate=0.4,
    slow=0.05,
    restart=0.1,
    clock_step=0.04,
    outage=0.1,
)
"""The worst of each."""


def draw_weather(dice: Random) -> Weather:
    """Let about half of the faults happen in this seed, each more or less often."""
    chances = {
        field.name: getattr(STORMS, field.name) * dice.random() if dice.random() < 0.5 else 0.0
        for field in fields(Weather)
    }
    return Weather(**chances)
