"""Deliveries → the arguments of Slack's methods. Pure."""

from __future__ import annotations

from adapters.slack.web_api import Json
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Delivery
from gateway.text.slack_markdown import to_slack_markdown
from gateway.text.split import split_markdown

MARKDOWN_LIMIT = 12_000
"""Characters that one message's `markdown_text` may have (chat.postMessage)."""

EVENT_TYPE = "postern_delivery"
"""The kind of our messages' metadata, by which an earlier try is found."""

ZERO_WIDTH_SPACE = "\u200b"


def split(text: str) -> list[str]:
    """Cut Markdown so that each rendered part fits one message."""
    return split_markdown(text, MARKDOWN_LIMIT, _rendered_length)


def post_args(delivery: Delivery) -> Json:
    """Return the arguments of chat.postMessage; links do not unfold, as agents write many."""
    return {
        **_place(delivery.conversation),
        "markdown_text": to_slack_markdown(delivery.text),
        "metadata": metadata(delivery),
        "unfurl_links": False,
        "unfurl_media": False,
    }


def update_args(delivery: Delivery, text: str) -> Json:
    """Return the arguments of chat.update, which replaces the whole text."""
    return {
        "channel": delivery.conversation.channel,
        "ts": delivery.receipt,
        "markdown_text": to_slack_markdown(text),
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
        "blocks": [{"type": "markdown", "text": to_slack_markdown(delivery.text)}],
    }


def ephemeral_args(delivery: Delivery, user: str) -> Json:
    """Return the arguments of chat.postEphemeral."""
    return {
        **_place(delivery.conversation),
        "user": user,
        "markdown_text": to_slack_markdown(delivery.text),
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
    return {"event_type": EVENT_TYPE, "event_payload": {"delivery": delivery.id}}


def _place(conversation: Conversation) -> Json:
    place = {"channel": conversation.channel}
    return place if conversation.thread is None else {**place, "thread_ts": conversation.thread}


def _rendered_length(text: str) -> int:
    return len(to_slack_markdown(text))
