"""views.open, push, update, publish: modals behind trigger ids, and the Home tab."""

from tests.platforms.slack_server.checks import check_view
from tests.platforms.slack_server.refusals import Refused
from tests.platforms.slack_server.shapes import Json
from tests.platforms.slack_server.state import User, View, Workspace, with_block_ids
from tests.platforms.slack_server.web_api.call import Call, Method, Methods, ok
from tests.platforms.slack_server.wire import view_wire

STACK_MOST = 3


def open_view(call: Call) -> Json:
    content = check_view(call.args.get("view"), "modal")
    _refuse_taken_external_id(call.workspace, content)
    user = call.interactions.redeem_trigger(call.workspace, call.args.get("trigger_id"))
    return _shown(call, add_view(call.workspace, user, content))


def push_view(call: Call) -> Json:
    content = check_view(call.args.get("view"), "modal")
    _refuse_taken_external_id(call.workspace, content)
    user = call.interactions.redeem_trigger(call.workspace, call.args.get("trigger_id"))
    stack = [
        view for view in call.workspace.views.values() if view.user == user.id and view.is_open
    ]
    if not stack:
        raise Refused("not_found")
    if len(stack) >= STACK_MOST:
        raise Refused("push_limit_reached")
    return _shown(call, add_view(call.workspace, user, content, previous=stack[-1]))


def add_view(workspace: Workspace, user: User, content: Json, previous: View | None = None) -> View:
    view_id = workspace.new_id("V")
    root_id = previous.root_id if previous else view_id
    kept = {**content, "blocks": with_block_ids(content["blocks"])}
    view = View(view_id, user.id, content["type"], kept, root_id, previous.id if previous else None)
    workspace.views[view_id] = view
    return view


def update_view(call: Call) -> Json:
    view = _view_of(call)
    if call.text("hash") not in (None, view.hash):
        raise Refused("hash_conflict")
    replace_content(view, check_view(call.args.get("view"), view.kind))
    return _shown(call, view)


def replace_content(view: View, content: Json) -> None:
    view.content = {**content, "blocks": with_block_ids(content["blocks"])}
    view.version += 1


def _view_of(call: Call) -> View:
    external_id = call.text("external_id")
    for view in call.workspace.views.values():
        if view.id == call.text("view_id") or (
            external_id and view.content.get("external_id") == external_id
        ):
            return view
    raise Refused("not_found")


def publish_view(call: Call) -> Json:
    user = call.workspace.users.get(call.required("user_id"))
    if user is None:
        raise Refused("user_not_found")
    content = check_view(call.args.get("view"), "home")
    home = next(
        (v for v in call.workspace.views.values() if v.user == user.id and v.kind == "home"), None
    )
    if home is None:
        return _shown(call, add_view(call.workspace, user, content))
    if call.text("hash") not in (None, home.hash):
        raise Refused("hash_conflict")
    replace_content(home, content)
    return _shown(call, home)


def _refuse_taken_external_id(workspace: Workspace, content: Json) -> None:
    external_id = content.get("external_id")
    if external_id and any(
        view.content.get("external_id") == external_id for view in workspace.views.values()
    ):
        raise Refused("duplicate_external_id")


def _shown(call: Call, view: View) -> Json:
    call.world.pulse.beat()
    return ok(view=view_wire(call.workspace, view))


METHODS: Methods = {
    "views.open": Method(open_view),
    "views.push": Method(push_view),
    "views.update": Method(update_view),
    "views.publish": Method(publish_view),
}
