"""`python -m gateway` is `postern`."""

from __future__ import annotations

from gateway.cli import main

main()
