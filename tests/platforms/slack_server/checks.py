"""What Slack refuses in texts, blocks, metadata and views. Pure: raises Refused, changes nothing.

Sources: the method and Block Kit reference pages of docs.slack.dev; bolt-js #2509 for
msg_blocks_too_long.
"""

from collections.abc import Iterable, Sequence

from tests.platforms.slack_server.refusals import Refused
from tests.platforms.slack_server.shapes import Json, is_list, is_object

TEXT_HARD_CHARACTERS = 40_000
UPDATE_TEXT_CHARACTERS = 4_000
MARKDOWN_CHARACTERS = 12_000
SECTION_CHARACTERS = 3_000
MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
ALL_BLOCKS_CHARACTERS = 13_200
_BLOCK_TYPES = frozenset(
    {
        "actions",
        "alert",
        "card",
        "carousel",
        "context",
        "context_actions",
        "divider",
        "file",
        "header",
        "image",
        "input",
        "markdown",
        "plan",
        "rich_text",
        "section",
        "table",
        "task_card",
        "video",
    }
)
_TEXT_LIMITS = {"header": 150, "section": SECTION_CHARACTERS}


def check_content(
    text: str | None, markdown: str | None, blocks: Sequence[Json], attachments: Sequence[Json]
) -> None:
    """Refuse what no message may hold.

    A text beyond 40,000 characters is cut by the caller, not refused.
    """
    if markdown is not None and (text is not None or blocks):
        raise Refused("markdown_text_conflict")
    if markdown is not None and len(markdown) > MARKDOWN_CHARACTERS:
        raise Refused("msg_too_long")
    if not ((text or markdown or "").strip() or blocks or attachments):
        raise Refused("no_text")
    check_blocks(blocks, MESSAGE_BLOCKS)


def check_blocks(blocks: Sequence[Json], most: int) -> None:
    if len(blocks) > most:
        raise Refused("invalid_blocks", f"no more than {most} items allowed [json-pointer:/blocks]")
    for index, block in enumerate(blocks):
        _check_block(block, f"/blocks/{index}")
    _refuse_repeats("block_id", (block.get("block_id") for block in blocks))
    markdown = sum(len(block["text"]) for block in blocks if block["type"] == "markdown")
    if markdown > MARKDOWN_CHARACTERS or sum(map(_characters, blocks)) > ALL_BLOCKS_CHARACTERS:
        raise Refused("msg_blocks_too_long")


def _check_block(block: object, pointer: str) -> None:
    if not is_object(block):
        raise Refused("invalid_blocks_format")
    fields = block
    kind = fields.get("type")
    if kind not in _BLOCK_TYPES:
        raise Refused("invalid_blocks", f"unsupported type: {kind} [json-pointer:{pointer}/type]")
    if len(str(fields.get("block_id", ""))) > 255:
        raise Refused(
            "invalid_blocks", f"must be less than 256 characters [json-pointer:{pointer}/block_id]"
        )
    match kind:
        case "section":
            _check_section(fields, pointer)
        case "header":
            _check_text(
                fields.get("text"), _TEXT_LIMITS["header"], f"{pointer}/text", only_plain=True
            )
        case "markdown":
            _require(isinstance(fields.get("text"), str) and fields["text"], f"{pointer}/text")
        case "actions" | "context" | "context_actions":
            _check_elements(fields, kind, pointer)
        case "image":
            _require(
                fields.get("alt_text") and (fields.get("image_url") or fields.get("slack_file")),
                pointer,
            )
        case "input":
            _check_input(fields, pointer)
        case _:
            pass


def _check_input(block: Json, pointer: str) -> None:
    _check_text(block.get("label"), 2_000, f"{pointer}/label", only_plain=True)
    element: object = block.get("element")
    _require(is_object(element) and element.get("action_id"), f"{pointer}/element")
    options: list[Json] = element.get("options", []) if is_object(element) else []
    _require(len(options) <= 100, f"{pointer}/element/options")
    for option in options:
        _check_text(option.get("text"), 75, f"{pointer}/element/options", only_plain=True)
        _require(0 < len(str(option.get("value", ""))) <= 150, f"{pointer}/element/options")


def _check_section(block: Json, pointer: str) -> None:
    texts: object = block.get("fields", [])
    if not is_list(texts) or len(texts) > 10:
        raise Refused("invalid_blocks", f"must be at most 10 texts [json-pointer:{pointer}/fields]")
    _require("text" in block or texts, f"{pointer}/text")
    if "text" in block:
        _check_text(block["text"], SECTION_CHARACTERS, f"{pointer}/text")
    for text in texts:
        _check_text(text, 2_000, f"{pointer}/fields")


def _check_elements(block: Json, kind: str, pointer: str) -> None:
    most = {"actions": 25, "context": 10, "context_actions": 5}[kind]
    elements: object = block.get("elements")
    if not is_list(elements) or not 0 < len(elements) <= most:
        raise Refused(
            "invalid_blocks", f"1 to {most} items allowed [json-pointer:{pointer}/elements]"
        )
    _require(all(is_object(element) for element in elements), f"{pointer}/elements")
    for index, element in enumerate(elements):
        if element.get("type") == "button":
            _check_button(element, f"{pointer}/elements/{index}")
    _refuse_repeats("action_id", (element.get("action_id") for element in elements))


def _check_button(button: Json, pointer: str) -> None:
    _check_text(button.get("text"), 75, f"{pointer}/text", only_plain=True)
    _require(len(str(button.get("value", ""))) <= 2_000, f"{pointer}/value")
    _require(len(str(button.get("action_id", ""))) <= 255, f"{pointer}/action_id")
    _require(button.get("style", "primary") in ("primary", "danger"), f"{pointer}/style")


def _check_text(text: object, most: int, pointer: str, *, only_plain: bool = False) -> None:
    kinds = ("plain_text",) if only_plain else ("plain_text", "mrkdwn")
    if not is_object(text):
        raise Refused("invalid_blocks", f"must provide an object [json-pointer:{pointer}]")
    _require(text.get("type") in kinds and isinstance(text.get("text"), str), pointer)
    if not 0 < len(text["text"]) <= most:
        raise Refused(
            "invalid_blocks",
            f"must be less than {most + 1} characters [json-pointer:{pointer}/text]",
        )


def _require(condition: object, pointer: str) -> None:
    if not condition:
        raise Refused(
            "invalid_blocks",
            f"invalid additional property or missing field [json-pointer:{pointer}]",
        )


def _refuse_repeats(name: str, values: Iterable[str | None]) -> None:
    given = [value for value in values if value]
    if len(given) != len(set(given)):
        raise Refused("invalid_blocks", f"`{name}` must be unique")


def _characters(value: object) -> int:
    """All texts inside a block, at any depth."""
    if is_object(value):
        own = value.get("text")
        rest = sum(_characters(child) for child in value.values() if not isinstance(child, str))
        return rest + (len(own) if isinstance(own, str) else 0)
    if is_list(value):
        return sum(map(_characters, value))
    return 0


def check_metadata(metadata: object) -> Json | None:
    """Metadata as it is kept, or None when none was given."""
    if metadata is None:
        return None
    if not is_object(metadata) or set(metadata) - {"event_type", "event_payload", "entities"}:
        raise Refused("invalid_metadata_format")
    kind, payload = metadata.get("event_type"), metadata.get("event_payload")
    if not isinstance(kind, str) or not kind or not is_object(payload):
        raise Refused("invalid_metadata_format")
    return {"event_type": kind, "event_payload": payload}


def check_view(view: object, kind: str) -> Json:
    if not is_object(view):
        raise Refused("invalid_arguments", "must provide an object [json-pointer:/view]")
    blocks = view.get("blocks")
    if view.get("type") != kind or not is_list(blocks):
        raise Refused("invalid_arguments", f"must be a {kind} with blocks [json-pointer:/view]")
    if kind == "modal":
        _check_modal(view, blocks)
    if len(str(view.get("private_metadata", ""))) > 3_000:
        raise Refused(
            "invalid_arguments",
            "must be less than 3001 characters [json-pointer:/view/private_metadata]",
        )
    check_blocks(blocks, VIEW_BLOCKS)
    return view


def _check_modal(view: Json, blocks: Sequence[Json]) -> None:
    title: object = view.get("title")
    if not is_object(title) or not 0 < len(str(title.get("text", ""))) <= 24:
        raise Refused("invalid_arguments", "must be 1 to 24 characters [json-pointer:/view/title]")
    if any(block.get("type") == "input" for block in blocks) and "submit" not in view:
        raise Refused("invalid_arguments", "missing required field: submit [json-pointer:/view]")
