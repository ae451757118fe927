"""What a message body may hold, and the meaning of one that passed. Pure.

Limits: Discord's reference, "Create Message", "Embed Limits", "Component Reference".
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from tests.platforms.discord_server.errors import (
    FormErrors,
    bad_field,
    not_carried,
    refuse,
)
from tests.platforms.discord_server.forms import Field, Form, check_form
from tests.platforms.discord_server.records import Mentions, MessageFlag
from tests.platforms.discord_server.select_forms import STRING_SELECT, select_errors
from tests.platforms.discord_server.wire import Json, inner, listed

CONTENT_LIMIT = 2000
EMBED_SUM_LIMIT = 6000

_MEDIA: Form = {"url": Field("string", 2048), "proxy_url": Field("string")} | {
    name: Field("integer") for name in ("width", "height")
}
_EMBED: Form = {
    "title": Field("string", 256),
    "type": Field("string"),
    "description": Field("string", 4096),
    "url": Field("string", 2048),
    "timestamp": Field("string"),
    "color": Field("integer", 0xFFFFFF),
    "footer": Field(
        "object",
        form={
            "text": Field("string", 2048, required=True),
            "icon_url": Field("string", 2048),
            "proxy_icon_url": Field("string"),
        },
    ),
    "author": Field(
        "object",
        form={
            "name": Field("string", 256, required=True),
            "url": Field("string", 2048),
            "icon_url": Field("string", 2048),
            "proxy_icon_url": Field("string"),
        },
    ),
    "fields": Field(
        "list",
        25,
        form={
            "name": Field("string", 256, 1, required=True),
            "value": Field("string", 1024, 1, required=True),
            "inline": Field("boolean"),
        },
    ),
    "image": Field("object", form=_MEDIA),
    "thumbnail": Field("object", form=_MEDIA),
    "video": Field("object", form=_MEDIA),
    "provider": Field("object", form={"name": Field("string"), "url": Field("string")}),
    "flags": Field("integer"),
}
_ALLOWED_MENTIONS: Form = {
    "parse": Field("list", 3, items=Field("string", choices=("roles", "users", "everyone"))),
    "users": Field("list", 100, items=Field("snowflake")),
    "roles": Field("list", 100, items=Field("snowflake")),
    "replied_user": Field("boolean"),
}
_ATTACHMENT: Form = {
    "id": Field("snowflake", required=True),
    "filename": Field("string", 1024),
    "description": Field("string", 1024),
    "title": Field("string", 1024),
    "is_spoiler": Field("boolean"),
}
_REFERENCE: Form = {
    "type": Field("integer", 1),
    "message_id": Field("snowflake", required=True),
    "channel_id": Field("snowflake"),
    "guild_id": Field("snowflake"),
    "fail_if_not_exists": Field("boolean"),
}
_BODY: Form = {
    "content": Field("string", CONTENT_LIMIT),
    "embeds": Field("list", 10, form=_EMBED),
    "components": Field("list", 40, items=Field("object")),
    "attachments": Field("list", 10, form=_ATTACHMENT),
    "allowed_mentions": Field("object", form=_ALLOWED_MENTIONS),
    "flags": Field("integer"),
}
EDIT_FORM: Form = {**_BODY, "tts": Field("boolean")}
"""discord.py sends tts with edits too; Discord takes no notice of it."""

_NEW: Form = {**_BODY, "tts": Field("boolean"), "poll": Field("object")}
CREATE_FORM: Form = {
    **_NEW,
    "nonce": Field("nonce"),
    "enforce_nonce": Field("boolean"),
    "message_reference": Field("object", form=_REFERENCE),
    "sticker_ids": Field("list", 3, items=Field("snowflake")),
    "shared_client_theme": Field("object"),
}
CALLBACK_FORM: Form = _NEW
WEBHOOK_FORM: Form = {
    **_NEW,
    "username": Field("string", 80, 1),
    "avatar_url": Field("string", 2048),
    "thread_name": Field("string", 100),
    "applied_tags": Field("list", 5, items=Field("snowflake")),
}


@dataclass(frozen=True, slots=True)
class Body:
    """A message body that passed; None means that the field was left out or null."""

    content: str | None
    embeds: tuple[Json, ...] | None
    components: tuple[Json, ...] | None
    attachments: tuple[Json, ...] | None
    flags: int
    allowed_mentions: Json | None
    nonce: str | int | None = None
    enforce_nonce: bool = False
    reference: Json | None = None
    username: str | None = None

    def require_something(self, file_count: int) -> None:
        """Raise 50006 when a new message would show nothing."""
        has_text = bool(self.content and self.content.strip())
        if not any((has_text, self.embeds, self.components, file_count)):
            raise refuse(50006)


def read_body(body: Json, form: Form) -> Body:
    """Check a message body and give it its types; raises `Refusal`."""
    errors = check_form(body, form)
    if not errors:
        _check_embed_sum(listed(body, "embeds"), errors)
        _check_components(body, errors)
        _check_allowed_mentions(inner(body, "allowed_mentions"), errors)
    errors.raise_if_any()
    for name in ("poll", "sticker_ids", "shared_client_theme"):
        if body.get(name):
            raise not_carried(name)
    return Body(
        content=body.get("content", None) if "content" not in body else body["content"] or "",
        embeds=_tuple(body, "embeds"),
        components=_tuple(body, "components"),
        attachments=_tuple(body, "attachments"),
        flags=body.get("flags") or 0,
        allowed_mentions=body.get("allowed_mentions"),
        nonce=body.get("nonce"),
        enforce_nonce=bool(body.get("enforce_nonce")),
        reference=body.get("message_reference"),
        username=body.get("username"),
    )


def _tuple(body: Json, name: str) -> tuple[Json, ...] | None:
    if name not in body:
        return None
    return tuple(body[name] or ())


def _check_embed_sum(embeds: Iterable[Json], errors: FormErrors) -> None:
    total = sum(_embed_length(embed) for embed in embeds)
    if total > EMBED_SUM_LIMIT:
        text = f"Embed size exceeds maximum size of {EMBED_SUM_LIMIT}"
        errors.add(("embeds",), "MAX_EMBED_SIZE_EXCEEDED", text)


def _embed_length(embed: Json) -> int:
    texts = [embed.get("title"), embed.get("description")]
    texts += [inner(embed, "footer").get("text"), inner(embed, "author").get("name")]
    for item in listed(embed, "fields"):
        texts += [item["name"], item["value"]]
    return sum(len(text) for text in texts if text)


def _check_components(body: Json, errors: FormErrors) -> None:
    rows = listed(body, "components")
    is_v2 = bool((body.get("flags") or 0) & MessageFlag.COMPONENTS_V2)
    if is_v2 and (body.get("content") or body.get("embeds")):
        text = "The 'content' and 'embeds' fields cannot be used with MessageFlags.IS_COMPONENTS_V2"
        errors.add(("flags",), "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", text)
    if not is_v2 and len(rows) > 5:
        errors.add(("components",), "BASE_TYPE_MAX_LENGTH", "Must be 5 or fewer in length.")
    seen: set[str] = set()
    for path, item in walk_components(rows, ("components",)):
        if not is_v2 and len(path) == 2 and item.get("type") != 1:
            text = 'Value of field "type" must be one of (1,).'
            errors.add((*path, "type"), "BASE_TYPE_CHOICES", text)
        _check_component(item, path, seen, errors)
    if sum(1 for _ in walk_components(rows, ())) > 40:
        errors.add(("components",), "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", "Too many.")


def walk_components(
    items: Iterable[Json], path: tuple[str, ...] = ()
) -> Iterable[tuple[tuple[str, ...], Json]]:
    """Give every component of a tree with its path, parents first."""
    for index, item in enumerate(items):
        here = (*path, str(index))
        yield here, item
        yield from walk_components(listed(item, "components"), (*here, "components"))
        if item.get("accessory"):
            yield (*here, "accessory"), item["accessory"]


_BUTTON, _LINK, _PREMIUM = 2, 5, 6
_SELECTS = (3, 5, 6, 7, 8)


def _check_component(item: Json, path: tuple[str, ...], seen: set[str], errors: FormErrors) -> None:
    kind, custom_id = item.get("type"), item.get("custom_id")
    if not isinstance(kind, int):
        errors.add((*path, "type"), "BASE_TYPE_REQUIRED", "This field is required")
    if kind == 1 and not 1 <= len(listed(item, "components")) <= 5:
        text = "Must be between 1 and 5 in length."
        errors.add((*path, "components"), "BASE_TYPE_BAD_LENGTH", text)
    _check_width(item, path, errors)
    _check_contents(item, path, errors)
    if kind == STRING_SELECT:
        errors.extend(path, select_errors(item))
    is_plain_button = kind == _BUTTON and item.get("style") not in (_LINK, _PREMIUM)
    if (is_plain_button or kind in _SELECTS) and not custom_id:
        text = "A custom id is required"
        errors.add((*path, "custom_id"), "COMPONENT_CUSTOM_ID_REQUIRED", text)
    if kind == _BUTTON and item.get("style") == _LINK and not item.get("url"):
        errors.add((*path, "url"), "BASE_TYPE_REQUIRED", "This field is required")
    if len(item.get("label") or "") > 80:
        text = "Must be 80 or fewer in length."
        errors.add((*path, "label"), "BASE_TYPE_MAX_LENGTH", text)
    if not custom_id:
        return
    if len(custom_id) > 100:
        text = "Must be between 1 and 100 in length."
        errors.add((*path, "custom_id"), "BASE_TYPE_BAD_LENGTH", text)
    if custom_id in seen:
        text = "Component custom id cannot be duplicated"
        errors.add((*path, "custom_id"), "COMPONENT_CUSTOM_ID_DUPLICATED", text)
    seen.add(custom_id)


def _check_width(row: Json, path: tuple[str, ...], errors: FormErrors) -> None:
    """A menu is as wide as five buttons: nothing stands beside it."""
    kinds = [one.get("type") for one in listed(row, "components")]
    if row.get("type") == 1 and len(kinds) > 1 and any(kind in _SELECTS for kind in kinds):
        text = "The specified component exceeds the maximum width"
        errors.add((*path, "components"), "COMPONENT_LAYOUT_WIDTH_EXCEEDED", text)


_CONTENTS = {10: ("content", 4_000), 12: ("items", 10), 17: ("components", 40)}
"""Of texts, galleries and containers: what they hold, and how much of it at most."""


def _check_contents(item: Json, path: tuple[str, ...], errors: FormErrors) -> None:
    name, most = _CONTENTS.get(item.get("type", 0), ("", 0))
    if name and not 1 <= len(item.get(name) or "") <= most:
        text = f"Must be between 1 and {most} in length."
        errors.add((*path, name), "BASE_TYPE_BAD_LENGTH", text)
    for index, shown in enumerate(listed(item, "items")):
        if len(shown.get("description") or "") > 1_024:
            text = "Must be 1024 or fewer in length."
            errors.add((*path, "items", str(index)), "BASE_TYPE_MAX_LENGTH", text)


def _check_allowed_mentions(allowed: Json, errors: FormErrors) -> None:
    parse: list[str] = allowed.get("parse") or []
    for name in ("users", "roles"):
        if name in parse and allowed.get(name):
            text = f'parse:["{name}"] and {name}: [ids...] are mutually exclusive.'
            errors.add(("allowed_mentions",), "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", text)


_USER_MENTION = re.compile(r"<@!?(\d+)>")
_ROLE_MENTION = re.compile(r"<@&(\d+)>")


def find_mentions(
    content: str,
    allowed: Json | None,
    known_users: Mapping[int, object],
    replied_to: int | None = None,
) -> Mentions:
    """Tell whom a text pings. With no allowed_mentions Discord pings everybody it names."""
    rules = {"parse": ["users", "roles", "everyone"]} if allowed is None else allowed
    users = _permitted(_USER_MENTION.findall(content), rules, "users")
    if replied_to is not None and (allowed is None or allowed.get("replied_user")):
        users.append(replied_to)
    calls_everyone = "@everyone" in content or "@here" in content
    return Mentions(
        user_ids=tuple(dict.fromkeys(one for one in users if one in known_users)),
        role_ids=tuple(dict.fromkeys(_permitted(_ROLE_MENTION.findall(content), rules, "roles"))),
        everyone=calls_everyone and "everyone" in (rules.get("parse") or []),
    )


def _permitted(found: list[str], rules: Json, kind: str) -> list[int]:
    if kind in (rules.get("parse") or []):
        return [int(one) for one in found]
    # Any: the list was checked to hold snowflakes, as text or as integers.
    listed = {int(one) for one in cast(list[Any], rules.get(kind) or [])}
    return [int(one) for one in found if int(one) in listed]


def snowflake_query(value: str | None, name: str) -> int | None:
    """Read an id from the query string; raises 50035 when it is none."""
    if value is None:
        return None
    if not value.isdecimal():
        raise bad_field((name,), "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')
    return int(value)
