"""`postern doctor`: looks at everything that could be wrong, and says how to put it right."""

from __future__ import annotations

import asyncio
import os
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from gateway.cli.terminal import AsJson, printable, say, say_json

if TYPE_CHECKING:
    from gateway.cli.checks import Finding

_SIGNS = {"ok": "ok     ", "warning": "warning", "wrong": "WRONG  "}


def doctor(as_json: AsJson = False) -> None:
    """Look for what could be wrong. Checks settings, files, port, servers and tokens."""
    from gateway.cli.checks import examine

    findings = asyncio.run(examine(os.environ))
    if as_json:
        say_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            _show(finding)
    raise typer.Exit(1 if any(finding.outcome == "wrong" for finding in findings) else 0)


def _show(finding: Finding) -> None:
    say(f"{_SIGNS[finding.outcome]}  {finding.part}: {printable(finding.sentence)}")
    if finding.remedy:
        say(f"           → {finding.remedy}")
