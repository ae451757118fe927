"""Minds: the Letta runtime, the embedded Letta-compatible server, and who has which agent."""
