"""Tests by purpose: unit, contracts, scenarios, properties, crash, platforms, architecture."""
