"""`postern config`: what the settings are, why, and by which variables they can be set."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from gateway.cli.loading import load
from gateway.cli.terminal import AsJson, say, say_json

app = typer.Typer(help="Show the settings; no secret is ever shown.", no_args_is_help=True)


@app.command()
def show(as_json: AsJson = False) -> None:
    """Print the settings that hold, as a settings file."""
    from gateway.settings import explained

    settings = load()
    if as_json:
        say_json(explained.values(settings))
    else:
        typer.echo(explained.as_toml(settings), nl=False)


@app.command()
def explain(
    as_json: AsJson = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the documentation page of all settings.")
    ] = False,
) -> None:
    """Tell each setting's value, where it came from, and what it is for."""
    from gateway.settings import explained

    if markdown:
        typer.echo(explained.page(), nl=False)
        return
    told = explained.explain(load())
    if as_json:
        say_json([asdict(each) for each in told])
        return
    for each in told:
        value = "is not set" if each.value is None else f"= {each.value}"
        say(f"{each.name} {value}  (from: {each.source})")
        say(f"    {each.meaning}.")


@app.command()
def env(as_json: AsJson = False) -> None:
    """Print every variable with what it is for, as an environment file."""
    from gateway.settings import explained

    settings = load()
    if as_json:
        say_json([asdict(each) for each in explained.explain(settings)])
    else:
        typer.echo(explained.as_variables(settings), nl=False)
