"""Where it runs: the Modal app and the container files."""
