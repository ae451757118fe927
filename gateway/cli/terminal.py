"""What commands print: sentences, aligned columns, JSON. Texts of strangers are made harmless."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
"""The option that every listing takes."""


def say(sentence: str) -> None:
    """Print a line."""
    typer.echo(sentence)


def say_json(value: object) -> None:
    """Print a value as JSON."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def say_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows in aligned columns under their heads."""
    lines = [[printable(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def printable(text: str) -> str:
    """Return the text without what a terminal would obey, such as escape sequences."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
