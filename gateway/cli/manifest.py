"""`postern manifest`: how the app of a platform is made so that it fits the settings."""

from __future__ import annotations

import typer

from gateway.cli.loading import load
from gateway.cli.terminal import AsJson, say, say_json

app = typer.Typer(help="Tell how a platform's app is made.", no_args_is_help=True)


@app.command()
def discord(as_json: AsJson = False) -> None:
    """Tell how the Discord app is made. With it comes the link that invites the bot."""
    _show("discord", as_json=as_json)


@app.command()
def slack(as_json: AsJson = False) -> None:
    """Tell how the Slack app is made. With --json, only the manifest that Slack takes."""
    _show("slack", as_json=as_json)


def _show(platform: str, *, as_json: bool) -> None:
    from gateway import bootstrap

    manifest = bootstrap.manifests(load())[platform]
    if as_json:
        say_json(manifest.document)
        return
    for number, step in enumerate(manifest.steps, 1):
        say(f"{number}. {step}")
    if manifest.is_pasted:
        say("")
        say_json(manifest.document)
