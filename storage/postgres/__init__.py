"""The durable core in a Postgres database: for many workers on many machines."""

from storage.postgres.database import PoolOptions
from storage.postgres.store import PostgresStore

__all__ = ["PoolOptions", "PostgresStore"]
