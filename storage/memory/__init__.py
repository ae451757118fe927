"""The durable core in dictionaries: for tests, demonstrations and the simulator."""

from storage.memory.store import MemoryStore

__all__ = ["MemoryStore"]
