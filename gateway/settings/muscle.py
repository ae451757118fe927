"""What runs code and serves tools to agents from outside."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from gateway.settings.kinds import Section, SomeSeconds, must_be

_LEAST_SECRET = 16


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < _LEAST_SECRET:
        raise must_be(f"a secret of at least {_LEAST_SECRET} characters")
    return secret


class ComputeSettings(Section):
    """Functions and tasks under `/compute`; there are none without an admin token."""

    on: bool = Field(default=True, description="Serve them to who has the admin token")
    backend: Literal["local", "modal"] = Field(
        default="local", description="Where they run: processes of this machine, or Modal Sandboxes"
    )
    modal_app: str = Field(
        default="postern-compute", description="Name of the Modal app that the Sandboxes belong to"
    )
    at_once: int = Field(default=4, ge=1, le=100, description="Runs at a time in one process")
    seconds: SomeSeconds = Field(default=60.0, description="The most that one run may take")
    memory_bytes: int = Field(
        default=536_870_912, ge=67_108_864, description="The most memory that one run may use"
    )
    fan_out: int = Field(
        default=100, ge=1, le=10_000, description="The most inputs of one run-parallel"
    )
    keep_days: int = Field(
        default=30, ge=1, le=36_500, description="Days for which ended tasks can be asked for"
    )
    webhook_secret: Annotated[SecretStr, AfterValidator(_long_enough)] | None = Field(
        default=None, description="What callbacks are signed with; without it there are none"
    )


class McpSettings(Section):
    """MCP servers under `/mcp`; there are none without an admin token."""

    on: bool = Field(default=True, description="Serve them to agents that have a token")
    calls_per_minute: int = Field(
        default=60, ge=1, le=10_000, description="Tool calls of one agent in a minute"
    )
    web_cache_seconds: SomeSeconds = Field(
        default=60.0, description="For how long a fetched page is given again to the same agent"
    )
