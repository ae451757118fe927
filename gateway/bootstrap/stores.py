"""Which stores the settings name: of messages, and of files."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.errors import SettingsWrong
from gateway.ports import ArtifactStore, Clock, Store
from gateway.settings import Settings


def make_store(settings: Settings) -> Store:
    """Return the store that the settings name, not yet open."""
    path = settings.sqlite_path
    if path is None:
        from storage.postgres import PostgresStore

        return PostgresStore(settings.database_url.get_secret_value())
    from storage.sqlite.store import SqliteStore

    return SqliteStore(path)


@asynccontextmanager
async def opened_store(settings: Settings) -> AsyncGenerator[Store]:
    """Open the store; commands do it beside a running gateway."""
    store = make_store(settings)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def opened_artifacts(settings: Settings, clock: Clock) -> AsyncGenerator[ArtifactStore]:
    """Open where artifacts are kept: a folder of this machine, or a bucket."""
    from storage.artifacts import Limits, LocalArtifacts

    if settings.artifacts_url.startswith("s3://"):
        raise SettingsWrong("Buckets are not wired yet: let artifacts.url name a folder.")
    given = settings.artifacts
    limits = Limits(given.file_bytes, given.owner_bytes, given.owner_files, given.older_versions)
    yield LocalArtifacts(Path(settings.artifacts_url), clock, limits)
