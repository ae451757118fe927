"""Between REST and the store: what may happen to agents, blocks, conversations and runs."""
