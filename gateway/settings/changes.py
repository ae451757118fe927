"""What differs between two readings of the settings, and what of it a running process can take."""

from __future__ import annotations

from operator import attrgetter

from gateway.settings.sources import names
from gateway.settings.tree import Settings

HELD = ("data_dir", "database_url", "http.host", "http.port")
"""What a process keeps from its start to its end: where its data are, and its port."""


def changed(old: Settings, new: Settings) -> list[str]:
    """Return the dotted names of the settings that differ, in their order."""
    read = {name.dotted: attrgetter(name.dotted) for name in names()}
    return [name for name, value in read.items() if value(old) != value(new)]


def as_held(old: Settings, new: Settings) -> Settings:
    """Return the new settings, with the old ones where the process holds what they name."""
    http = new.http.model_copy(update={"host": old.http.host, "port": old.http.port})
    kept = {"data_dir": old.data_dir, "database_url": old.database_url, "http": http}
    return new.model_copy(update=kept)
