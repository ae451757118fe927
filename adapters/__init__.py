"""Platforms: each folder brings one platform's events in and its messages out."""
