"""How long tests wait for what normally comes at once: one window for all of them."""

PATIENCE_SECONDS = 60.0
"""Real seconds. Longer than the slowest machine needs; what did not come by then never will."""
