"""A tool with an effect outside, brought by a package of its own; it can die while it works.

The package is only its metadata, as an installer leaves it: an entry point that names this file.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from gateway.domain.tools import Effect
from toolbox.registry import tool_from


async def send_letter(text: str) -> str:
    """Send a letter, which nobody can take back.

    Args:
        text: What it says.
    """
    _post(text)
    if "DIE_IN_CALL" in os.environ:
        os.kill(os.getpid(), signal.SIGKILL)
    return "The letter is sent."


def _post(text: str) -> None:
    with Path(os.environ["LETTERS"]).open("a") as letters:
        letters.write(f"{text}\n")


tool = tool_from(send_letter, effect=Effect.EXTERNAL)


def install(folder: Path) -> None:
    """Put the package's metadata into a folder that is on the path of the gateway to come."""
    about = folder / "post_office-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: post-office\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[postern.tools]\npost = tests.crash.post_office:tool\n"
    )
