"""What the doctor looks at on this machine. At most it closes a data directory that stood open."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from gateway.cli.agent_checks import check_memory, check_templates
from gateway.cli.checking import agents_of
from gateway.cli.findings import Finding, ok, warning, wrong
from gateway.cli.model_checks import check_choices
from gateway.cli.remote_checks import (
    check_discord,
    check_letta,
    check_mcp_servers,
    check_model,
    check_service,
    check_slack,
)
from gateway.cli.sqlite_file import faults, schema_of
from gateway.data_dir import holder, prepare
from gateway.errors import PosternError, SettingsWrong
from gateway.settings import Settings, load_settings

if TYPE_CHECKING:
    from gateway.bootstrap import KeptDatabase

_PATIENCE_SECONDS = 10.0


async def examine(environ: Mapping[str, str]) -> list[Finding]:
    """Look at everything; with wrong settings there is nothing more to look at."""
    try:
        settings = load_settings(environ)
    except SettingsWrong as error:
        return [wrong("settings", str(error), "Correct this first, then look again.")]
    async with httpx.AsyncClient(timeout=_PATIENCE_SECONDS) as client:
        return [
            check_files(settings),
            check_data_dir(settings),
            await check_database(settings),
            check_agents(settings),
            await check_memory(settings),
            await check_templates(settings),
            check_port(settings),
            check_public_url(settings),
            await check_letta(settings.letta, client),
            await check_model(settings, client),
            *await check_choices(settings, client),
            await check_service("transcription", settings.transcription, client),
            await check_service("image_generation", settings.image_generation, client),
            *await check_discord(settings.discord, client),
            *await check_slack(settings.slack, client),
            *await check_mcp_servers(settings, _PATIENCE_SECONDS),
        ]


def check_files(settings: Settings) -> Finding:
    """See that no settings file with secrets in it can be read by other users."""
    secret = ("http.admin_token", "discord.token", "slack.bot_token", "slack.signing_secret")
    secret += (
        "slack.app_token",
        "slack.client_secret",
        "slack.state_secret",
        "letta.api_key",
        "model.api_key",
        "transcription.api_key",
        "image_generation.api_key",
    )
    if any(server.token is not None for server in settings.mcp_servers):
        secret += ("mcp_servers",)
    files = {Path(settings.origin(name)) for name in (*secret, "database_url")}
    for file in sorted(files):
        if file.is_file() and stat.S_IMODE(file.stat().st_mode) & 0o077:
            sentence = f"{file} holds secrets, and other users can read it."
            return warning("settings", sentence, f"chmod 600 {file}")
    return ok("settings", "Every setting is known and of the right kind.")


def check_data_dir(settings: Settings) -> Finding:
    """See that the data directory can be used, and whether a gateway has it."""
    path = settings.data_dir
    if not path.exists():
        return ok("data_dir", f"{path} will be made at the first start.")
    try:
        prepare(path)
    except SettingsWrong as error:
        return wrong("data_dir", str(error), "Set data_dir, or change the folder.")
    running = holder(path)
    if running is None:
        return ok("data_dir", f"{path} is free.")
    return ok("data_dir", f"{path} is held by the gateway that runs as process {running.pid}.")


async def check_database(settings: Settings) -> Finding:
    """See that the database can be read, is whole, and is not of a newer Postern."""
    from gateway import bootstrap

    try:
        if settings.sqlite_path is None:
            await _open_once(settings)
            return ok("database", "Postgres answers.")
        messages, *_ = bootstrap.kept(settings).databases
        return _check_file("database", messages)
    except PosternError as error:
        return wrong("database", str(error), "Set database_url, or restore a backup.")


def check_agents(settings: Settings) -> Finding:
    """See the same of the embedded server's agents, and that they are there if there were some."""
    from gateway import bootstrap

    if not settings.letta.is_embedded:
        return ok("agents", "Their memory is on the Letta server.")
    kept = bootstrap.kept(settings)
    *_, agents = kept.databases
    try:
        if not agents.path.exists() and (count := agents_of(kept)):
            sentence = f"{agents.path} is gone, and {count} agents with all their memory with it."
            return wrong("agents", sentence, "Restore a backup.")
        return _check_file("agents", agents)
    except PosternError as error:
        return wrong("agents", str(error), "Restore a backup.")


def _check_file(part: str, database: KeptDatabase) -> Finding:
    path, known = database.path, database.schema
    if not path.exists():
        return ok(part, f"{path} will be made at the first start.")
    found, schema = faults(path), schema_of(path)
    if found:
        return wrong(part, f"{path} is damaged: {'; '.join(found)}.", "Restore a backup.")
    if schema > known:
        sentence = (
            f"{path} was written by a newer Postern: schema {schema}; this one knows {known}."
        )
        return wrong(part, sentence, "Upgrade Postern.")
    if schema < known:
        sentence = f"{path} is whole; the next start brings its schema from {schema} to {known}."
        return ok(part, sentence)
    return ok(part, f"{path} is whole.")


async def _open_once(settings: Settings) -> None:
    from gateway import bootstrap

    async with bootstrap.opened_store(settings) as store:
        await store.check()


def check_port(settings: Settings) -> Finding:
    """See that the port can be had, unless the gateway has it already."""
    http = settings.http
    if holder(settings.data_dir) is not None:
        return ok("port", "The running gateway has it.")
    family = socket.AF_INET6 if ":" in http.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((http.host, http.port))
        except OSError as error:
            sentence = (
                f"{http.port} on {http.host} can not be had: {os.strerror(error.errno or 0)}."
            )
            return wrong("port", sentence, "Stop what listens there, or set http.port.")
    return ok("port", f"{http.port} on {http.host} is free.")


def check_public_url(settings: Settings) -> Finding:
    """See that the platforms' webhooks have an address to come to."""
    needs_it = settings.slack.has_webhook or settings.discord.has_webhook
    url = settings.http.public_url
    if url is None and needs_it:
        sentence = "Webhooks are on, and http.public_url is not set."
        return warning("public_url", sentence, "Set it to the address that the platforms call.")
    if url is not None and needs_it and not url.startswith("https://"):
        sentence = "Slack and Discord call https addresses only."
        return warning("public_url", sentence, "Put a TLS proxy or a tunnel before the gateway.")
    return ok("public_url", url or "Not needed.")
