"""What a delivery carries beside its text, as JSON: one column in every database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from pydantic import TypeAdapter

from gateway.domain.artifacts import Attachment
from gateway.domain.deliveries import Button


class Extras(TypedDict):
    """Named as they are in a delivery."""

    buttons: tuple[Button, ...]
    files: tuple[Attachment, ...]


@dataclass(frozen=True, slots=True)
class _Extras:
    buttons: tuple[Button, ...] = ()
    files: tuple[Attachment, ...] = ()


_ADAPTER = TypeAdapter(_Extras)


def write_extras(buttons: tuple[Button, ...], files: tuple[Attachment, ...]) -> str | None:
    """Return the JSON text; None for the usual delivery, which has neither."""
    if not buttons and not files:
        return None
    return _ADAPTER.dump_json(_Extras(buttons, files), exclude_defaults=True).decode()


def read_extras(text: str | None) -> Extras:
    """Return buttons and files."""
    if text is None:
        return {"buttons": (), "files": ()}
    extras = _ADAPTER.validate_json(text)
    return {"buttons": extras.buttons, "files": extras.files}
