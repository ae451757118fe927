"""The real platform clients against loopback servers that speak the protocol."""
