"""`python -m bench NAME [--json]`: runs one bench by its name and prints its figures."""

from __future__ import annotations

import argparse
import importlib
import json
from collections.abc import Mapping

from gateway.garbage import keep_what_is_loaded

BENCHES: Mapping[str, str] = {
    "coldstart": "bench.coldstart",
    "compare": "bench.compare",
    "discord": "bench.discord",
    "flight": "bench.flight",
    "growth": "bench.growth",
    "hub": "bench.hub",
    "kills": "bench.kills",
    "people": "bench.people",
    "runtime": "bench.runtime",
    "schedules": "bench.schedules",
    "slack": "bench.slack",
    "soak": "bench.soak",
    "store": "bench.store",
    "workers": "bench.workers",
}
"""Name to module. A module has `add_arguments(parser)` and `run(arguments) -> figures`."""


def main() -> None:
    """Run the named bench."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    names = parser.add_subparsers(dest="name", required=True)
    modules = {name: importlib.import_module(module) for name, module in BENCHES.items()}
    for name, module in modules.items():
        one = names.add_parser(name, help=module.__doc__)
        one.add_argument("--json", action="store_true", help="print one JSON object")
        module.add_arguments(one)
    arguments = parser.parse_args()
    keep_what_is_loaded()  # as a gateway does
    figures: dict[str, object] = modules[arguments.name].run(arguments)
    if arguments.json:
        print(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        print(f"{name:34} {value}")


if __name__ == "__main__":
    main()
