"""Stand-ins that are real implementations: a platform that remembers, a clock that obeys."""
