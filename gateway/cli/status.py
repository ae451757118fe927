"""`postern status`: how a running gateway is, asked over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, cast

import typer

from gateway.cli.terminal import AsJson, say_json, say_table
from gateway.errors import RetryLater

_PATIENCE_SECONDS = 10.0
_GROUPS = {"channels": "", "mcp_servers": "mcp "}
"""Parts of which there can be many, with what their names begin with in the table."""


def status(
    as_json: AsJson = False,
    url: Annotated[str | None, typer.Option(help="Address of the gateway.")] = None,
) -> None:
    """Show how the running gateway is. Exits with 1 when it is not ready."""
    address = (url or _own_address()).rstrip("/")
    report = _ask(address)
    is_ready = report.get("ready") is True
    if as_json:
        say_json({"url": address, **report})
    else:
        say_table(
            ("part", "ready", "state"), [("gateway", _yes(is_ready), address), *_rows(report)]
        )
    raise typer.Exit(0 if is_ready else 1)


def _own_address() -> str:
    """Return where the gateway of this data directory answers, or would by the settings."""
    from gateway.cli.loading import load
    from gateway.data_dir import holder

    settings = load()
    running = holder(settings.data_dir)
    if running is not None and running.url:
        return running.url
    host = f"[{settings.http.host}]" if ":" in settings.http.host else settings.http.host
    return f"http://{host}:{settings.http.port}"


def _ask(address: str) -> Mapping[str, object]:
    """Return what `GET /ready` says; it says as much when the gateway is not ready."""
    import httpx

    try:
        answer = httpx.get(f"{address}/ready", timeout=_PATIENCE_SECONDS)
        report = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise RetryLater(
            f'No gateway answers at "{address}" ({error}). Start one with `postern up`.'
        ) from error
    except ValueError:
        report = None
    if not isinstance(report, dict) or "ready" not in report:
        raise RetryLater(f'What answers at "{address}" is no Postern gateway.')
    return cast("dict[str, object]", report)  # JSON objects have texts as keys


def _rows(report: Mapping[str, object]) -> list[tuple[str, str, str]]:
    parts = {name: part for name, part in report.items() if name not in _GROUPS and name != "ready"}
    for group, prefix in _GROUPS.items():
        below = report.get(group)
        if isinstance(below, dict):
            named = cast("dict[str, object]", below)  # JSON objects have texts as keys
            parts |= {f"{prefix}{name}": part for name, part in named.items()}
    return [_row(name, part) for name, part in parts.items()]


def _row(name: str, part: object) -> tuple[str, str, str]:
    if not isinstance(part, dict):
        return name, "", str(part)
    facts = cast("dict[str, object]", part)  # JSON objects have texts as keys
    return name, _yes(facts.get("ready") is True), str(facts.get("state", ""))


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"
