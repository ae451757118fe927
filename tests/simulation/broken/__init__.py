"""The real parts, each broken in one way that somebody might well write."""
