"""Cutting a connection in the middle of a request."""

from aiohttp import web


def cut(request: web.Request) -> web.Response:
    """Reset the connection; the response returned can no longer be sent."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
