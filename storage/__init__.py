"""Memory: the durable core on SQLite and in dictionaries, and the artifacts."""
