"""Scripted faults as they befall one HTTP request: delays, bare statuses, cut connections."""

import asyncio

from aiohttp import web

from tests.platforms.slack_server.faults import CallFault


def cut(request: web.Request) -> web.Response:
    """Reset the connection; the response returned can no longer be sent."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def befall(request: web.Request, fault: CallFault | None) -> web.Response | None:
    """What a plain request (not a Web API call) ends with before it is carried out.

    None when it is to be carried out: no fault, a delay that is over, or a reply to be lost later.
    """
    if fault is None:
        return None
    match fault.kind:
        case "cut_before":
            return cut(request)
        case "status" | "refuse":
            return web.Response(status=fault.status)
        case "answer":
            return web.json_response(fault.body)
        case "ratelimited":
            return web.Response(status=429, headers={"Retry-After": str(int(fault.seconds))})
        case "delay":
            await asyncio.sleep(fault.seconds)
            return None
        case "lose_reply":
            return None


def after(request: web.Request, fault: CallFault | None, response: web.Response) -> web.Response:
    """The response, unless it is to be lost."""
    return cut(request) if fault is not None and fault.kind == "lose_reply" else response
