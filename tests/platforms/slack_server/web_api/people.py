"""auth.*, users.*, bots.info, team.info: who is who."""

from tests.platforms.slack_server.refusals import Refused
from tests.platforms.slack_server.shapes import Json
from tests.platforms.slack_server.web_api.call import Call, Method, Methods, ok
from tests.platforms.slack_server.wire import bot_wire, user_wire


def auth_test(call: Call) -> Json:
    workspace = call.workspace
    return ok(
        url=f"{call.world.base_url}/",
        team=workspace.name,
        user=workspace.bot.name,
        team_id=workspace.id,
        user_id=workspace.bot.id,
        bot_id=workspace.bot_id,
        is_enterprise_install=False,
    )


def auth_revoke(call: Call) -> Json:
    if call.flag("test"):
        return ok(revoked=False)
    assert call.token is not None, "a method with a bot token"
    call.token.is_revoked = True
    return ok(revoked=True)


def users_info(call: Call) -> Json:
    return ok(user=user_wire(call.workspace, call.user()))


def users_list(call: Call) -> Json:
    members = [user_wire(call.workspace, user) for user in call.workspace.users.values()]
    return ok(
        members=members, cache_ts=int(call.world.now()), response_metadata={"next_cursor": ""}
    )


def usergroups_users_list(call: Call) -> Json:
    members = call.workspace.usergroups.get(call.text("usergroup") or "")
    if members is None:
        raise Refused("no_such_subteam")
    return ok(users=sorted(members))


def bots_info(call: Call) -> Json:
    if call.text("bot") not in (None, call.workspace.bot_id):
        raise Refused("bot_not_found")
    return ok(bot=bot_wire(call.workspace))


def team_info(call: Call) -> Json:
    workspace = call.workspace
    team: Json = {
        "id": workspace.id,
        "name": workspace.name,
        "domain": workspace.name,
        "url": f"{call.world.base_url}/",
        "email_domain": "",
        "icon": {"image_default": True, "image_34": "https://avatars.invalid/34.png"},
        "is_verified": False,
    }
    return ok(team=team)


METHODS: Methods = {
    "auth.test": Method(auth_test),
    "auth.revoke": Method(auth_revoke),
    "users.info": Method(users_info, ("users:read",)),
    "users.list": Method(users_list, ("users:read",)),
    "usergroups.users.list": Method(usergroups_users_list, ("usergroups:read",)),
    "bots.info": Method(bots_info, ("users:read",)),
    "team.info": Method(team_info, ("team:read",)),
}
