"""The Letta REST contract: the real letta-client over loopback HTTP, each promise a test."""
