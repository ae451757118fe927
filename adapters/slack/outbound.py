"""Deliveries → the arguments of Slack's methods. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.slack.buttons import actions_of
from adapters.slack.canvas import NOTHING, blocks_of
from adapters.slack.web_api import Json
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Delivery
from gateway.text.mrkdwn import escape_mrkdwn
from gateway.text.plain import to_plain
from gateway.text.slack_markdown import to_slack_markdown
from gateway.text.split import Splitter

MARKDOWN_LIMIT = 12_000
"""Characters that one message's `markdown_text` may have (chat.postMessage)."""

EVENT_TYPE = "postern_delivery"
"""The kind of our messages' metadata, by which an earlier try is found."""

_SHORT = 500
"""Characters that a notification and a screen reader get of a message with blocks."""

ZERO_WIDTH_SPACE = "\u200b"


def new_splitter() -> Splitter:
    """Return what cuts Markdown so that each rendered part fits one message.

    It remembers what it settled: a long answer is cut anew at each of its words.
    """
    return Splitter(MARKDOWN_LIMIT, _rendered_length)


def post_args(delivery: Delivery) -> Json:
    """Return the arguments of chat.postMessage; links do not unfold, as agents write many."""
    return {
        **_place(delivery.conversation),
        **_content(delivery),
        "metadata": metadata(delivery),
        "unfurl_links": False,
        "unfurl_media": False,
    }


def update_args(delivery: Delivery, text: str) -> Json:
    """Return the arguments of chat.update, which replaces text and buttons as a whole.

    Blocks that were there before stay unless there are new ones, so it always has some.
    """
    return {
        "channel": delivery.conversation.channel,
        "ts": delivery.receipt,
        "text": _in_short(text),
        "blocks": _blocks(delivery, text),
        "metadata": metadata(delivery),
    }


def own_message(delivery: Delivery) -> Json:
    """Return the arguments that name the sent message, for chat.delete and chat.stopStream."""
    return {"channel": delivery.conversation.channel, "ts": delivery.receipt}


def response_body(delivery: Delivery) -> Json:
    """Return what is posted to a response_url, which knows no `markdown_text`."""
    return {
        "response_type": "ephemeral" if delivery.is_private else "in_channel",
        "replace_original": False,
        "blocks": _blocks(delivery, delivery.text),
        **_thread(delivery.conversation),
    }


def ephemeral_args(delivery: Delivery, user: str) -> Json:
    """Return the arguments of chat.postEphemeral."""
    return {
        **_place(delivery.conversation),
        "user": user,
        **_content(delivery),
    }


def stream_text(markdown: str) -> str:
    """Return the beginning of an answer as a stream may show it.

    Rendering more of an answer can change how its earlier parts are rendered,
    and a stream can only grow. So the source goes out as it is, but for each `<`,
    which is kept from beginning a mention. The final update renders it properly.
    """
    return markdown.replace("<", f"<{ZERO_WIDTH_SPACE}")


def metadata(delivery: Delivery) -> Json:
    """Return the mark by which `find` knows the message again."""
    mark = {"delivery": delivery.id, "nonce": delivery.nonce}
    return {"event_type": EVENT_TYPE, "event_payload": mark}


def _content(delivery: Delivery) -> Json:
    """Return Markdown; with buttons or a canvas, as blocks, and in short for notifications."""
    if delivery.canvas is None and not actions_of(delivery.buttons):
        return {"markdown_text": _markdown(delivery.text)}
    return {"text": _in_short(delivery.text), "blocks": _blocks(delivery, delivery.text)}


def _blocks(delivery: Delivery, text: str) -> Sequence[Json]:
    if delivery.canvas is not None:
        return blocks_of(delivery.canvas)
    return [
        {"type": "markdown", "text": _markdown(text)},
        *actions_of(delivery.buttons),
    ]


def _markdown(text: str) -> str:
    shown = to_slack_markdown(text)
    return shown if shown.strip() else NOTHING


def _in_short(text: str) -> str:
    return escape_mrkdwn(to_plain(text)[:_SHORT].strip() or NOTHING)


def _place(conversation: Conversation) -> Json:
    return {"channel": conversation.channel, **_thread(conversation)}


def _thread(conversation: Conversation) -> Json:
    return {} if conversation.thread is None else {"thread_ts": conversation.thread}


def _rendered_length(text: str) -> int:
    return len(to_slack_markdown(text))
