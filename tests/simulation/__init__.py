"""The deterministic simulator: a seed is a history of faults, and every promise is held to it."""
