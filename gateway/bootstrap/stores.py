"""Which stores the settings name: of messages, and of files."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.clock import SystemClock
from gateway.errors import SettingsWrong
from gateway.ports import ArtifactStore, Clock, Store
from gateway.settings import ArtifactSettings, Settings

if TYPE_CHECKING:
    from storage.artifacts.s3 import Bucket


def make_store(settings: Settings) -> Store:
    """Return the store that the settings name, not yet open."""
    path = settings.sqlite_path
    if path is None:
        from storage.postgres import PostgresStore

        return PostgresStore(settings.database_url.get_secret_value())
    from storage.sqlite.store import SqliteStore

    return SqliteStore(path)


def clock_of(settings: Settings, store: Store) -> Clock:
    """Return the clock that all who share the open store go by: on Postgres, the database's."""
    if settings.sqlite_path is not None:
        return SystemClock()
    from storage.postgres import PostgresStore

    return store.clock if isinstance(store, PostgresStore) else SystemClock()


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
    """Open where artifacts are kept: a folder of this machine, a bucket, or a Modal Volume.

    Raises SettingsWrong for a bucket without a key.
    """
    from storage.artifacts import Limits, LocalArtifacts

    given = settings.artifacts
    limits = Limits(given.file_bytes, given.owner_bytes, given.owner_files, given.older_versions)
    scheme, found, place = settings.artifacts_url.partition("://")
    if not found:
        yield LocalArtifacts(Path(settings.artifacts_url), clock, limits)
    elif scheme == "s3":
        async with _opened_bucket(given, place, clock) as bucket:
            from storage.artifacts.s3 import S3Artifacts

            yield S3Artifacts(bucket, clock, limits)
    else:
        from storage.artifacts.modal_volume import ModalVolume
        from storage.artifacts.volume import VolumeArtifacts

        name, _, folder = place.partition("/")
        yield VolumeArtifacts(ModalVolume(name), Path("/", folder), clock, limits)


@asynccontextmanager
async def _opened_bucket(
    given: ArtifactSettings, place: str, clock: Clock
) -> AsyncGenerator[Bucket]:
    from storage.artifacts.s3 import Bucket, BucketOptions

    if given.access_key_id is None or given.secret_access_key is None:
        raise SettingsWrong(
            f'artifacts.url is "s3://{place}", and there is no key for it: set AWS_ACCESS_KEY_ID '
            "and AWS_SECRET_ACCESS_KEY."
        )
    name, _, prefix = place.partition("/")
    options = BucketOptions(
        name=name,
        prefix=prefix,
        endpoint=given.s3_endpoint,
        region=given.s3_region,
        key_id=given.access_key_id,
        secret=given.secret_access_key.get_secret_value(),
    )
    bucket = Bucket(options, clock)
    try:
        yield bucket
    finally:
        await bucket.close()
