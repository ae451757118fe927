"""Whole stories through the hub, on virtual time."""
