"""Reads Google-style docstrings: what a tool is for, and what its arguments mean. Pure."""

from __future__ import annotations

import re

_ARGUMENT = re.compile(r"(\w+)(?:\s*\([^)]*\))?:\s*(.*)")


def read_docstring(docstring: str) -> tuple[str, dict[str, str]]:
    """Return the text above the sections, and the description of each argument.

    Other sections (Returns, Raises …) are for programmers and are left out.
    """
    lines = docstring.strip().splitlines()
    sections = [number for number, line in enumerate(lines) if _is_section(line)]
    end = sections[0] if sections else len(lines)
    return "\n".join(lines[:end]).strip(), _arguments(lines, sections)


def _is_section(line: str) -> bool:
    return line.rstrip() in ("Args:", "Arguments:", "Returns:", "Raises:", "Yields:", "Example:")


def _arguments(lines: list[str], sections: list[int]) -> dict[str, str]:
    for start in sections:
        if lines[start].startswith("Arg"):
            following = [number for number in sections if number > start]
            return _described(lines[start + 1 : following[0] if following else None])
    return {}


def _described(lines: list[str]) -> dict[str, str]:
    """Join each argument's lines: the first is the least indented."""
    filled = [line for line in lines if line.strip()]
    indent = min((len(line) - len(line.lstrip()) for line in filled), default=0)
    found: dict[str, str] = {}
    name = ""
    for line in filled:
        match = _ARGUMENT.fullmatch(line.strip()) if not line[indent].isspace() else None
        if match is not None:
            name = match[1]
            found[name] = match[2]
        elif name:
            found[name] = f"{found[name]} {line.strip()}"
    return found
