"""Rewrites the exact pins in pyproject.toml from a fresh resolution: `uv run poe pins`.

The pins replace a lock file, because a lock file names the package index it was made with.
"""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = ROOT / "pyproject.toml"
LOCK = ROOT / "uv.lock"
PINS = re.compile(r"constraint-dependencies = \[.*?\n\]", re.DOTALL)


def with_pins(pyproject: str, pins: list[str]) -> str:
    """Return the text of pyproject.toml with `pins` as its only constraints."""
    lines = "".join(f'    "{pin}",\n' for pin in pins)
    return PINS.sub(f"constraint-dependencies = [\n{lines}]", pyproject)


def resolved_pins(lock: str) -> list[str]:
    """Return `name==version` for every package that comes from an index."""
    packages = tomllib.loads(lock)["package"]
    return sorted(f"{p['name']}=={p['version']}" for p in packages if "registry" in p["source"])


def main() -> None:
    """Resolve without the old pins, then write the new ones."""
    PYPROJECT.write_text(with_pins(PYPROJECT.read_text(), []))
    LOCK.unlink(missing_ok=True)
    subprocess.run(["uv", "lock", "--upgrade"], cwd=ROOT, check=True)
    pins = resolved_pins(LOCK.read_text())
    PYPROJECT.write_text(with_pins(PYPROJECT.read_text(), pins))
    print(f"Pinned {len(pins)} packages in pyproject.toml.")


if __name__ == "__main__":
    main()
