"""Where tools that clients stored as source code run: another process, with limits."""
