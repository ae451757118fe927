"""REST v10: one module of handlers per concern, and the aiohttp edge in `service`."""
