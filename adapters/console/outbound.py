"""What the terminal shows: texts → rich renderables, with nothing that a terminal obeys. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.markdown import Markdown
from rich.text import Text


def harmless(text: str) -> str:
    """Return the text without control characters.

    Escape sequences in an answer could otherwise retitle the window, move the
    cursor over what was said before, or fill the clipboard.
    """
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))


def answer(name: str, markdown: str) -> RenderableType:
    """Return an answer as a terminal shows it."""
    return Group(Text(name, style="bold green"), Markdown(harmless(markdown)), Text(""))


def plain_answer(markdown: str) -> str:
    """Return an answer as a pipe carries it: the Markdown, and nothing else."""
    return harmless(markdown)


def with_presses(markdown: str, presses: Iterable[tuple[str, str]]) -> str:
    """Return an answer with its buttons, label and words, as lines that can be typed."""
    lines = [f"- {label}: type `{says.replace('`', '')}`" for label, says in presses]
    return "\n\n".join([markdown, "\n".join(lines)]) if lines else markdown


def question(text: str) -> RenderableType:
    """Return what the person said, as the terminal shows it again at the start."""
    return Group(Text.assemble(("› ", "bold cyan"), harmless(text)), Text(""))


def note(sentence: str) -> RenderableType:
    """Return a remark of the terminal itself."""
    return Text(harmless(sentence), style="dim italic")
