"""Hands: tools that run in the gateway, their registry and their executor."""
