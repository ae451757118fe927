"""What a gateway tells when it starts: what is on, what is off, and what would turn it on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway.rights.policy import AccessMode
from gateway.settings import Settings

_STRANGERS = {
    AccessMode.OPEN: "everybody may talk",
    AccessMode.ALLOWLIST: "only people in access.allow may talk",
    AccessMode.PAIRING: "strangers get a code for `postern pairing approve CODE`",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One part of the gateway."""

    name: str
    is_on: bool
    sentence: str
    hint: str | None = None
    """What to set to change it; None when there is nothing to say."""


def what_is_on(settings: Settings) -> list[Line]:
    """Tell every part that people ask about, in the order in which they ask."""
    return [
        _web(settings),
        _discord(settings),
        _slack(settings),
        _letta(settings),
        *([_model(settings)] if settings.letta.is_embedded else []),
        _database(settings),
    ]


def show(lines: Sequence[Line]) -> None:
    """Print the lines: in colour on a terminal, plainly elsewhere."""
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, highlight=False)
    width = max(len(line.name) for line in lines)
    for line in lines:
        style = "green" if line.is_on else "dim"
        text = Text.assemble(
            (f"{'on ' if line.is_on else 'off'}  ", style),
            (f"{line.name:<{width}}  ", "bold" if line.is_on else style),
            line.sentence,
            (f"  ({line.hint})" if line.hint else "", "dim"),
        )
        console.print(text, soft_wrap=True)


def _web(settings: Settings) -> Line:
    http = settings.http
    host = f"[{http.host}]" if ":" in http.host else http.host
    where = f"http://{host}:{http.port}" if http.port else f"{http.host}, on a free port"
    return Line("web chat", is_on=True, sentence=f"{where}; {_STRANGERS[settings.access.web]}")


def _discord(settings: Settings) -> Line:
    discord = settings.discord
    if discord.token is None:
        return Line("Discord", is_on=False, sentence="no token", hint="set DISCORD_TOKEN")
    doors = _doors(discord.connects, "gateway connection", discord.has_webhook, "interactions")
    if doors is None:
        hint = "set discord.gateway to true, or DISCORD_PUBLIC_KEY"
        return Line("Discord", is_on=True, sentence="writes, but hears nothing", hint=hint)
    return Line("Discord", True, f"{doors}; {_STRANGERS[settings.access.discord]}")


def _slack(settings: Settings) -> Line:
    slack = settings.slack
    if not slack.is_on:
        hint = "set SLACK_BOT_TOKEN and SLACK_APP_TOKEN"
        return Line("Slack", is_on=False, sentence="no bot token", hint=hint)
    doors = _doors(slack.connects, "Socket Mode", slack.has_webhook, "events")
    if doors is None:
        hint = "set SLACK_APP_TOKEN, or SLACK_SIGNING_SECRET"
        return Line("Slack", is_on=True, sentence="writes, but hears nothing", hint=hint)
    return Line("Slack", True, f"{doors}; {_STRANGERS[settings.access.slack]}")


def _letta(settings: Settings) -> Line:
    letta = settings.letta
    if letta.server_url is None:
        hint = "set LETTA_BASE_URL or LETTA_API_KEY for a server of your own"
        return Line("Letta", is_on=True, sentence="embedded server", hint=hint)
    return Line("Letta", is_on=True, sentence=_place(letta.server_url))


def _model(settings: Settings) -> Line:
    model = settings.model
    if model.server_url is None:
        hint = "set OPENAI_API_KEY, or OPENAI_BASE_URL of any such server"
        return Line("model", is_on=False, sentence="answers by rule, without one", hint=hint)
    return Line("model", is_on=True, sentence=f"{model.name} at {_place(model.server_url)}")


def _database(settings: Settings) -> Line:
    path = settings.sqlite_path
    if path is not None:
        return Line("database", is_on=True, sentence=f"SQLite, {path}")
    place = _place(settings.database_url.get_secret_value())
    return Line("database", is_on=True, sentence=f"Postgres, {place}")


def _doors(connects: bool, connection: str, has_webhook: bool, webhook: str) -> str | None:
    """Name the ways in that are open; None when there is none."""
    doors = [connection] if connects else []
    doors += [f"{webhook} by webhook"] if has_webhook else []
    return " and ".join(doors) or None


def _place(url: str) -> str:
    """Return the URL without a user, a password and a query."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"
