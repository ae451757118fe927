"""The durable core in one SQLite file: the default on one machine."""

from storage.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
