"""The authorize page of OAuth: says yes at once and sends the browser back with a code."""

from aiohttp import web
from yarl import URL

from tests.platforms.slack_server.world import World


class OAuthPages:
    """`GET /oauth/v2/authorize`; `team` names the workspace (else the first), `deny=1` refuses."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def authorize(self, request: web.Request) -> web.Response:
        query = request.query
        if query.get("client_id") != self._world.app.client_id:
            return web.Response(status=400, text="invalid_client_id")
        back = URL(query.get("redirect_uri") or query.get("fallback_redirect_uri", ""))
        if not back.is_absolute():
            return web.Response(status=400, text="bad_redirect_uri")
        state = {"state": query.get("state", "")}
        if query.get("deny"):
            return self._redirect(back.update_query(error="access_denied", **state))
        team = query.get("team") or next(iter(self._world.workspaces))
        workspace = self._world.workspaces.get(team) or self._world.workspace_named(team)
        user = workspace.user_named("installer") or workspace.add_user("installer")
        scopes = frozenset(filter(None, query.get("scope", "").split(",")))
        code = self._world.installations.new_code(workspace, user.id, scopes)
        return self._redirect(back.update_query(code=code, **state))

    def _redirect(self, to: URL) -> web.Response:
        return web.Response(status=302, headers={"Location": str(to)})
