"""An errand as JSON: one column in every database, beside those that queries need."""

from __future__ import annotations

from pydantic import TypeAdapter

from gateway.domain.errands import Errand

_ADAPTER = TypeAdapter(Errand)


def write_errand(errand: Errand) -> str:
    """Return the JSON text of all of it."""
    return _ADAPTER.dump_json(errand).decode()


def read_errand(details: str) -> Errand:
    """Return the errand as it stands."""
    return _ADAPTER.validate_json(details)
