"""Settings of what is kept: for how long, and the files of agents and people."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr

from gateway.settings.kinds import ArtifactsUrl, HttpUrl, Section, TimeOfDay, Usual, ZoneName


class RetentionSettings(Section):
    """How long things are kept."""

    days: int | None = Field(
        default=None,
        ge=1,
        le=36_500,
        description="Days after which the texts of ended turns are dropped; kept when not set",
    )
    audit_days: int | None = Field(
        default=None,
        ge=1,
        le=36_500,
        description="Days after which entries of the audit log are dropped; kept when not set",
    )


_IDLE = "Hours without a word after which {} begins anew; never when not set"
_DAILY = "Time of day at which {} begins anew: 04:00; never when not set"


class SessionSettings(Section):
    """When a conversation begins anew by itself; what agents remember stays."""

    dm_idle_hours: float | None = Field(
        default=None, gt=0, le=87_600, description=_IDLE.format("a direct conversation")
    )
    dm_daily_at: TimeOfDay | None = Field(
        default=None, description=_DAILY.format("a direct conversation")
    )
    channel_idle_hours: float | None = Field(
        default=None, gt=0, le=87_600, description=_IDLE.format("the one in a channel")
    )
    channel_daily_at: TimeOfDay | None = Field(
        default=None, description=_DAILY.format("the one in a channel")
    )
    thread_idle_hours: float | None = Field(
        default=None, gt=0, le=87_600, description=_IDLE.format("the one in a thread")
    )
    thread_daily_at: TimeOfDay | None = Field(
        default=None, description=_DAILY.format("the one in a thread")
    )
    timezone: ZoneName = Field(
        default="UTC", description="Clock of these times for who has said none by /timezone"
    )


class TraceSettings(Section):
    """Where what happened to turns and deliveries is sent as traces."""

    otlp_url: Annotated[HttpUrl | None, Usual("OTEL_EXPORTER_OTLP_ENDPOINT")] = Field(
        default=None,
        description="Address of an OpenTelemetry collector (OTLP over HTTP, without /v1/traces); "
        "nothing is sent without it",
    )
    share: float = Field(
        default=1.0, gt=0, le=1, description="Share of the traces that is sent: 0.1 for every tenth"
    )


class ArtifactSettings(Section):
    """Where the files of agents and people are kept, and how many."""

    url: ArtifactsUrl | None = Field(
        default=None,
        description="A folder, s3://BUCKET/PREFIX or modal://VOLUME/FOLDER; else in data_dir",
    )
    s3_endpoint: HttpUrl | None = Field(
        default=None, description="Address of an S3-compatible service; Amazon's when not set"
    )
    s3_region: str = Field(default="us-east-1", description="Region that requests are signed for")
    access_key_id: Annotated[str | None, Usual("AWS_ACCESS_KEY_ID")] = Field(
        default=None, description="Name of the key for the bucket"
    )
    secret_access_key: Annotated[SecretStr | None, Usual("AWS_SECRET_ACCESS_KEY")] = Field(
        default=None, description="The key for the bucket"
    )
    file_bytes: int = Field(default=50_000_000, ge=1, description="The largest file")
    attachment_bytes: int = Field(
        default=25_000_000, ge=0, description="The largest file that comes with a message"
    )
    attachment_types: tuple[str, ...] = Field(
        default=("*",),
        description="Media types that may come with a message: image/*, text/plain …",
    )
    owner_bytes: int = Field(
        default=1_000_000_000, ge=1, description="All files of one owner, with older versions"
    )
    owner_files: int = Field(default=10_000, ge=1, description="Files of one owner")
    older_versions: int = Field(
        default=3, ge=0, le=100, description="Versions of a file that are kept beside the newest"
    )
