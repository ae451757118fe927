"""Two runs of one bench, as ratios: what became worse by more than is allowed is flagged."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

LARGER_IS_BETTER = ("per_s", "/s", "turns_per", "stored / bare")
SMALLER_IS_BETTER = ("_ms", "_us", "_mb", "_s", "ratio", "growth")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the two files and what is allowed."""
    parser.add_argument("before", type=Path, help="what `--json` printed")
    parser.add_argument("after", type=Path)
    parser.add_argument("--allowed", type=float, default=1.25, help="a worse ratio is flagged")


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Compare them."""
    before = json.loads(arguments.before.read_text())
    after = json.loads(arguments.after.read_text())
    return compare(before, after, arguments.allowed)


def compare(
    before: Mapping[str, object], after: Mapping[str, object], allowed: float
) -> dict[str, object]:
    """Return by what each figure became worse (above 1) or better (below). Pure.

    The raw limits come first: where they moved, the machine did, and not the code.
    """
    old, new = dict(figures(before)), dict(figures(after))
    worse = {
        name: round(found, 3)
        for name in old
        if name in new and (found := worsening(name, old[name], new[name])) is not None
    }
    raw = {name: ratio for name, ratio in worse.items() if name.startswith("raw")}
    ours = {name: ratio for name, ratio in worse.items() if name not in raw}
    flagged = sorted(name for name, ratio in ours.items() if ratio > allowed)
    return {
        "raw": raw,
        "worse_by": ours,
        "regressions": flagged,
        "missing": sorted(old.keys() - new.keys()),
    }


def worsening(name: str, old: float, new: float) -> float | None:
    """Return how many times worse the new figure is; None where neither way is worse."""
    last = name.rpartition(".")[2]
    if old <= 0 or new <= 0 or last.startswith("offered"):
        return None
    if any(mark in name for mark in LARGER_IS_BETTER) and not last.endswith(("_ms", "_us")):
        return old / new
    if any(mark in last for mark in SMALLER_IS_BETTER):
        return new / old
    return None


def figures(found: Mapping[str, object], above: str = "") -> Iterator[tuple[str, float]]:
    """Return every number with its path."""
    for name, value in found.items():
        if isinstance(value, Mapping):
            yield from figures(cast(Mapping[str, object], value), f"{above}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{above}{name}", float(value)
