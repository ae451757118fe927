"""The application itself, where the gateway is, and files on the CDN."""

from tests.platforms.discord_server import payloads
from tests.platforms.discord_server.errors import not_found
from tests.platforms.discord_server.requests import Answer, Call, Route
from tests.platforms.discord_server.state import World
from tests.platforms.discord_server.wire import Json


class Application:
    """Knows the public key, and where interactions go when not over the gateway."""

    def __init__(self, world: World, public_key: str) -> None:
        self._world = world
        self._public_key = public_key
        self.gateway_url = ""
        self.interactions_url: str | None = None
        """Set: interactions are POSTed here and the gateway delivers none."""

        self.session_starts_left = world.settings.session_starts

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/gateway", self.gateway, needs_token=False),
            Route("GET", "/gateway/bot", self.gateway_bot),
            Route("GET", "/applications/@me", self.show),
            Route("GET", "/oauth2/applications/@me", self.show),
        ]

    def gateway(self, call: Call) -> Answer:
        return Answer(200, {"url": self.gateway_url})

    def gateway_bot(self, call: Call) -> Answer:
        settings = self._world.settings
        limit: Json = {
            "total": settings.session_starts,
            "remaining": self.session_starts_left,
            "reset_after": 86_400_000,
            "max_concurrency": settings.max_concurrency,
        }
        body = {"url": self.gateway_url, "shards": settings.shards, "session_start_limit": limit}
        return Answer(200, body)

    def show(self, call: Call) -> Answer:
        world = self._world
        body: Json = {
            "id": str(world.application_id),
            "name": world.bot.name,
            "icon": None,
            "description": "",
            "summary": "",
            "type": None,
            "bot": payloads.user(world.bot),
            "bot_public": True,
            "bot_require_code_grant": False,
            "verify_key": self._public_key,
            "flags": 0,
            "flags_new": "0",
            "redirect_uris": [],
            "interactions_endpoint_url": self.interactions_url,
            "role_connections_verification_url": None,
            "owner": payloads.user(world.owner),
            "approximate_guild_count": len(world.guilds),
            "approximate_user_install_count": 0,
            "approximate_user_authorization_count": 0,
            "explicit_content_filter": 0,
            "team": None,
            "eligible_oauth2_scopes": [],
        }
        return Answer(200, body)


def attachment(world: World, call: Call) -> Answer:
    """Serve a file; 404 once the address's `ex` has passed, as on Discord's CDN."""
    record = world.attachments.get(call.id("attachment_id"))
    if record is None or record.channel_id != call.id("channel_id"):
        raise not_found()
    expires = call.query.get("ex", "0")
    if not call.query.get("hm") or int(expires, 16) < world.now():
        gone = b"This content is no longer available."
        return Answer(404, raw=gone, content_type="text/plain")
    return Answer(200, raw=record.data, content_type=record.content_type)
