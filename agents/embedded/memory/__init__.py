"""Core memory: how blocks may be edited, and how they look in the context window. Pure."""
