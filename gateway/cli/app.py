"""All commands, and how their errors end: one sentence on stderr and an exit code.

0 is done, 1 failed, 2 wrong usage. Nothing heavy is imported before a command
runs, so that help comes at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from gateway.cli import (
    agents,
    bans,
    chat,
    config,
    db,
    dead_letters,
    doctor,
    explain,
    init,
    letta,
    manifest,
    pairing,
    schedule,
    send,
    status,
    up,
)
from gateway.errors import PosternError


class Sentences(TyperGroup):
    """Ends a command that fails as foreseen with a sentence instead of a traceback."""

    def invoke(self, ctx: Any) -> Any:  # typer's own types for this are private
        """Run the command; exit with 1 when it raises an error of the tree."""
        try:
            return super().invoke(ctx)
        except* PosternError as foreseen:
            # What is no error of the tree is a bug, and goes on with its traceback.
            for error in _leaves(foreseen):
                typer.echo(str(error), err=True)
        raise typer.Exit(1)


def _leaves(group: ExceptionGroup[PosternError]) -> Iterator[PosternError]:
    for error in group.exceptions:
        if isinstance(error, ExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


app = typer.Typer(
    cls=Sentences,
    help="A chat gateway: everyone on Discord, Slack and the web talks to their own Letta agent.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("up")(up.up)
app.command("reload")(up.reload)
app.command("chat")(chat.chat)
app.command("init")(init.init)
app.command("doctor")(doctor.doctor)
app.command("status")(status.status)
app.command("send")(send.send)
app.command("explain")(explain.explain)
app.add_typer(schedule.app, name="schedule")
app.add_typer(agents.app, name="agents")
app.add_typer(pairing.app, name="pairing")
app.add_typer(bans.app, name="bans")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(manifest.app, name="manifest")
app.add_typer(config.app, name="config")
app.add_typer(db.app, name="db")
app.add_typer(letta.app, name="letta")


def _show_version(is_asked: bool) -> None:
    if is_asked:
        from importlib.metadata import version

        typer.echo(f"postern {version('postern')}")
        raise typer.Exit


@app.callback()
def postern(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, help="Show the version.")
    ] = False,
) -> None:
    """A chat gateway: everyone on Discord, Slack and the web talks to their own Letta agent."""
