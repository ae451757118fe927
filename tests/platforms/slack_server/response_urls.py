"""`POST /response/{id}`: where response_urls lead. Uses and expiry are kept in interactions.py."""

import json

from aiohttp import web

from tests.platforms.slack_server.cuts import after, befall
from tests.platforms.slack_server.interactions import Interactions
from tests.platforms.slack_server.refusals import Refused
from tests.platforms.slack_server.shapes import Json, is_object
from tests.platforms.slack_server.world import ApiCall, World


class ResponseUrls:
    """Answers "ok", or 404 with `used_url` / `expired_url` when the URL is worn out."""

    def __init__(self, world: World, interactions: Interactions) -> None:
        self._world = world
        self._interactions = interactions

    async def handle(self, request: web.Request) -> web.Response:
        try:
            body: object = json.loads(await request.read())
        except ValueError:
            body = None
        if not is_object(body):
            return web.Response(status=400, text="invalid_payload")
        fault = self._world.faults.take_for_call("response_url", body)
        failed = await befall(request, fault)
        if failed is not None:
            self._log(body, fault.kind if fault else "")
            return failed
        return after(request, fault, self._respond(request.match_info["link"], body))

    def _respond(self, link_id: str, body: Json) -> web.Response:
        try:
            self._interactions.respond(link_id, body)
        except Refused as refusal:
            self._log(body, refusal.code)
            worn_out = refusal.code in ("used_url", "expired_url", "invalid_url")
            return web.json_response(
                {"ok": False, "error": refusal.code}, status=404 if worn_out else 400
            )
        self._log(body, "ok")
        return web.Response(text="ok")

    def _log(self, body: Json, outcome: str) -> None:
        self._world.calls.append(ApiCall("response_url", body, None, outcome, self._world.now()))
        self._world.pulse.beat()
