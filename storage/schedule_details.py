"""What a schedule says beside its timing, as JSON: one column in every database."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter

from gateway.domain.schedules import Rules, Schedule, Wakeup

_USUAL = Rules()


@dataclass(frozen=True, slots=True)
class _Details:
    name: str = ""
    wakeup: Wakeup | None = None
    rules: Rules = _USUAL


_ADAPTER = TypeAdapter(_Details)


def write_details(schedule: Schedule) -> str:
    """Return the JSON text."""
    details = _Details(schedule.name, schedule.wakeup, schedule.rules)
    return _ADAPTER.dump_json(details, exclude_defaults=True).decode()


def read_details(text: str) -> tuple[str, Wakeup | None, Rules]:
    """Return name, wakeup and rules; what the text leaves out is as by default."""
    details = _ADAPTER.validate_json(text)
    return details.name, details.wakeup, details.rules
