"""Payloads of what people do: slash commands, actions, forms, reactions. Pure."""

from collections.abc import Iterator, Sequence

from tests.platforms.slack_server.installations import ORGANISATION
from tests.platforms.slack_server.shapes import Json
from tests.platforms.slack_server.state import Channel, Message, User, Workspace
from tests.platforms.slack_server.wire import message_wire, view_wire
from tests.platforms.slack_server.world import World

__all__ = [
    "action_in",
    "form_state",
    "interaction",
    "message_source",
    "reaction_event",
    "slash_form",
    "view_wire",
]


_TEAMLESS = frozenset({"shortcut", "view_submission", "view_closed"})
"""Interactions that an organisation's app gets without a team."""


def slash_form(
    world: World, workspace: Workspace, channel: Channel, user: User, command: str, text: str
) -> dict[str, str]:
    """The form of a command; it names the organisation where that has installed the app."""
    app, enterprise = world.app, world.installations.enterprise or ""
    in_organisation = {"enterprise_id": enterprise, "enterprise_name": ORGANISATION}
    return {
        "token": app.verification_token,
        "team_id": workspace.id,
        "team_domain": workspace.name,
        "channel_id": channel.id,
        "channel_name": _channel_name(channel),
        "user_id": user.id,
        "user_name": user.name,
        "command": command,
        "text": text,
        "api_app_id": app.id,
        "is_enterprise_install": "true" if enterprise else "false",
        **(in_organisation if enterprise else {}),
    }


def _channel_name(channel: Channel) -> str:
    return {"im": "directmessage", "group": "privategroup"}.get(channel.kind, channel.name)


def interaction(world: World, workspace: Workspace, user: User, kind: str, trigger_id: str) -> Json:
    """What every interaction payload has; of an organisation's app, some name no team."""
    enterprise = world.installations.enterprise
    team: Json = {"id": workspace.id, "domain": workspace.name}
    return {
        "type": kind,
        "token": world.app.verification_token,
        "api_app_id": world.app.id,
        "team": None if enterprise and kind in _TEAMLESS else team,
        "enterprise": {"id": enterprise, "name": ORGANISATION} if enterprise else None,
        "is_enterprise_install": enterprise is not None,
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": workspace.id},
        "trigger_id": trigger_id,
    }


def message_source(workspace: Workspace, channel: Channel, message: Message) -> Json:
    """Where an interaction came from, when it came from a message."""
    container: Json = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": message.ephemeral_for is not None,
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    return {
        "container": container,
        "channel": {"id": channel.id, "name": _channel_name(channel)},
        "message": message_wire(workspace, message),
        "state": {"values": {}},
    }


def action_in(blocks: Sequence[Json], action_id: str, value: str | None, action_ts: str) -> Json:
    """The action that using this element causes; `value` chooses among options."""
    for block, element in _elements(blocks):
        if element.get("action_id") != action_id:
            continue
        action: Json = {
            "type": element["type"],
            "action_id": action_id,
            "block_id": block.get("block_id", ""),
        }
        action["action_ts"] = action_ts
        return action | _choice(element, value)
    raise LookupError(f"nothing with the action id {action_id!r} is on the screen")


def _elements(blocks: Sequence[Json]) -> Iterator[tuple[Json, Json]]:
    for block in blocks:
        for element in [*block.get("elements", []), block.get("accessory"), block.get("element")]:
            if element:
                yield block, element


def _choice(element: Json, value: str | None) -> Json:
    match element["type"]:
        case "button":
            given: Json = {"text": element["text"]}
            return given | ({"value": element["value"]} if "value" in element else {})
        case "feedback_buttons":
            buttons = [element["positive_button"], element["negative_button"]]
            chosen = next((button for button in buttons if button["value"] == value), buttons[0])
            return {"value": chosen["value"], "text": chosen["text"]}
        case "overflow" | "radio_buttons" | "static_select":
            return {"selected_option": _option(element, value)}
        case "checkboxes" | "multi_static_select":
            return {"selected_options": [_option(element, value)] if value else []}
        case _:
            return {"value": value}


def _option(element: Json, value: str | None) -> Json:
    for option in element.get("options", []):
        if option["value"] == value:
            return option
    raise LookupError(f"there is no option {value!r} in {element.get('action_id')!r}")


def form_state(blocks: Sequence[Json], values: dict[str, str]) -> Json:
    """`view.state.values` of a form that was filled in, by action id."""
    state: Json = {}
    for block in blocks:
        element = block.get("element") if block.get("type") == "input" else None
        if not element:
            continue
        action_id = element["action_id"]
        given = values.get(action_id)
        if given is None and not block.get("optional"):
            raise LookupError(f"the form cannot be submitted without {action_id!r}")
        if element["type"].endswith("_input"):
            filled: Json = {"type": element["type"], "value": given}
        else:
            filled = {"type": element["type"], **_choice(element, given)}
        state[block["block_id"]] = {action_id: filled}
    return state


def message_state(blocks: Sequence[Json], filled: dict[str, str]) -> Json:
    """`state.values` of the fields in a message, by label; Slack asks for none to be filled in."""
    state: Json = {}
    for block in blocks:
        if block.get("type") != "input":
            continue
        element, given = block["element"], filled.get(block["label"]["text"])
        if element["type"].endswith("_input"):
            value: Json = {"value": given}
        else:
            value = {"selected_option": None} if given is None else _choice(element, given)
        state[block["block_id"]] = {element["action_id"]: {"type": element["type"], **value}}
    return state


def reaction_event(kind: str, message: Message, name: str, user_id: str, event_ts: str) -> Json:
    return {
        "type": kind,
        "user": user_id,
        "reaction": name,
        "item": {"type": "message", "channel": message.channel, "ts": message.ts},
        "item_user": message.user,
        "event_ts": event_ts,
    }
