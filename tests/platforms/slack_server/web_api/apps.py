"""oauth.v2.access and apps.connections.open: methods that speak for the app, not a workspace."""

from tests.platforms.slack_server.installations import ORGANISATION, Token
from tests.platforms.slack_server.refusals import Refused
from tests.platforms.slack_server.shapes import Json
from tests.platforms.slack_server.web_api.call import Call, Method, Methods, ok


def oauth_access(call: Call) -> Json:
    """Trade a code, or a refresh token, for a bot token. Both work once."""
    installations, settings = call.world.installations, call.world.settings
    installations.check_client(call.text("client_id"), call.text("client_secret"))
    expires_at = call.world.now() + settings.token_seconds if settings.token_rotation else None
    if call.text("grant_type") == "refresh_token":
        old = installations.redeem_refresh_token(call.text("refresh_token") or "")
        return _granted(call, installations.issue(old.workspace, old.scopes, expires_at), None)
    workspace, user_id, scopes = installations.redeem_code(call.text("code") or "")
    return _granted(call, installations.issue(workspace, scopes, expires_at), user_id)


def _granted(call: Call, token: Token, user_id: str | None) -> Json:
    workspace = token.workspace
    answer = ok(
        app_id=call.world.app.id,
        access_token=token.text,
        token_type="bot",
        scope=",".join(sorted(token.scopes)),
        bot_user_id=workspace.bot.id,
        **_installed_in(call, token),
    )
    if user_id is not None:
        answer["authed_user"] = {"id": user_id}
    if token.expires_at is not None:
        answer["refresh_token"] = call.world.installations.new_refresh_token(token)
        answer["expires_in"] = int(token.expires_at - call.world.now())
    return answer


def _installed_in(call: Call, token: Token) -> Json:
    """Of an installation in a whole organisation, Slack names no team."""
    workspace, enterprise = token.workspace, call.world.installations.enterprise
    if enterprise is None:
        team: Json = {"id": workspace.id, "name": workspace.name}
        return {"team": team, "enterprise": None, "is_enterprise_install": False}
    whole: Json = {"id": enterprise, "name": ORGANISATION}
    return {"team": None, "enterprise": whole, "is_enterprise_install": True}


def open_connection(call: Call) -> Json:
    return ok(url=call.sockets.new_url())


def check_app_token(call_token: str | None, app_token: str) -> None:
    """Refuse everything but the app-level token."""
    if not call_token:
        raise Refused("not_authed")
    if not call_token.startswith("xapp-"):
        raise Refused("not_allowed_token_type")
    if call_token != app_token:
        raise Refused("invalid_auth")


METHODS: Methods = {
    "oauth.v2.access": Method(oauth_access, auth="client"),
    "apps.connections.open": Method(open_connection, auth="app"),
}
