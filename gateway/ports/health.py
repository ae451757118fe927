"""How a part is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Health:
    """How a part is, for `/ready`, `status` and the presence that people see."""

    is_ready: bool
    sentence: str
