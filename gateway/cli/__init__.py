"""The command line: one file per group of commands. What they do is done elsewhere."""

from __future__ import annotations


def main() -> None:
    """Run the command that the process was called with, and exit with its code."""
    from gateway.cli.app import app

    app(prog_name="postern")
